"""Step 5's questions: a codec, a session and a handler, played in memory, in no time."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import trio
import trio.testing

from labs.questions import Play, Question
from mesh.http import Headers, Request, Response
from mesh.http.http1 import RequestReader, ResponseReader, build_request
from mesh.http.server import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the student with a key is asked about. `takes` are milliseconds."""

    takes: tuple[int, ...]
    team: str
    piece: int
    connections: int
    idle: int

    @property
    def request(self) -> bytes:
        """A request, as bytes."""
        return build_request(
            Request("POST", "/players.Players/of", "players", body=f'{{"team": "{self.team}"}}'.encode())
        )


def session(key: str) -> Session:
    """What the student with `key` is asked about."""
    source = random.Random(f"step 5 {key}")
    connections = source.randint(5, 12)
    return Session(
        takes=tuple(source.choice(range(10, 100, 10)) for _ in range(4)),
        team=source.choice(("Herons", "Otters", "Understudies")),
        piece=source.randint(6, 20),
        connections=connections,
        idle=source.randint(2, connections - 2),
    )


def predict_5(key: str, play: Play) -> list[Question]:
    """Who decides what: the codec, the session, or the handler."""
    own = session(key)
    return [*_about_codec(own), *_about_order(own), *_about_draining(own)]


def _about_codec(own: Session) -> list[Question]:
    head = own.request.index(b"\r\n\r\n") + 4
    return [
        Question(
            "q1",
            f"The codec (`RequestReader`) is fed a request, in pieces of {own.piece} bytes. Its head, with the empty "
            f"line at its end, has {head} bytes, and its body {len(own.request) - head}. How often is `feed` called "
            "until it returns the request?",
            lambda: _feeds(own),
            why="it returns what is complete, and keeps the rest: how the network has cut makes no difference",
        ),
    ]


def _about_order(own: Session) -> list[Question]:
    takes = ", ".join(map(str, own.takes))
    return [
        Question(
            "q2",
            f"A client sends four requests in one piece, over one connection; the handler takes {takes} ms for them. "
            "After how many milliseconds does the fourth answer leave?",
            lambda: _answered(own, connections=1)[-1],
            tolerance=1,
            why="a session answers in the order of the questions, and asks its handler one thing at a time",
        ),
        Question(
            "q3",
            "The same four requests, each over a connection of its own, at the same moment. After how many "
            "milliseconds does the last answer leave?",
            lambda: _answered(own, connections=4)[-1],
            tolerance=1,
            why="each connection has a session of its own, and all have one handler",
        ),
        Question(
            "q4",
            "The four requests in one piece again; for the second one the handler raises an exception. How many "
            "answers leave?",
            lambda: len(_answered(own, connections=1, fails=1)),
            why="the session answers 500 for it, and goes on: a handler's failure is not a failure of the connection",
        ),
    ]


def _about_draining(own: Session) -> list[Question]:
    return [
        Question(
            "q5",
            f"{own.connections} clients are connected. {own.idle} of them have their answers and ask nothing; the "
            "others wait for theirs. The server is told to drain. How many answers leave after that?",
            lambda: _drained(own)[0],
            why="who waits gets an answer; who does not is disconnected at once",
        ),
        Question(
            "q6",
            "How many of these answers say `connection: close`?",
            lambda: _drained(own)[1],
            why="each of them is the last of its connection, and the client need not find out by trying",
        ),
    ]


def _feeds(own: Session) -> int:
    reader, data = RequestReader(), own.request
    pieces = (data[at : at + own.piece] for at in range(0, len(data), own.piece))
    return next(count for count, piece in enumerate(pieces, 1) if reader.feed(piece))


def _answered(own: Session, *, connections: int, fails: int | None = None) -> list[float]:
    """When each answer leaves, in milliseconds, if the four requests come over so many connections."""
    times: list[float] = []

    async def handler(request: Request) -> Response:
        number = int(request.body)
        await trio.sleep(own.takes[number] / 1000)
        if number == fails:
            raise ValueError(number)
        return Response(200)

    async def main() -> None:
        server, requests = Server(handler), [_numbered(number) for number in range(4)]
        share = len(requests) // connections
        async with trio.open_nursery() as nursery:
            for first in range(0, len(requests), share):
                nursery.start_soon(_converse, server, requests[first : first + share], times)

    _in_no_time(main)
    return sorted(times)


async def _converse(server: Server, requests: Sequence[bytes], times: list[float]) -> None:
    near, far = trio.testing.memory_stream_pair()
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve, far)
        await near.send_all(b"".join(requests))
        reader = ResponseReader()
        while len(requests) > sum(1 for _ in times) and (data := await near.receive_some()):
            times += [1000 * (trio.current_time() - began)] * len(reader.feed(bytes(data)))
        await near.aclose()


def _numbered(number: int) -> bytes:
    return build_request(Request("POST", "/", "players", Headers(), str(number).encode()))


def _drained(own: Session) -> tuple[int, int]:
    """How many answers leave after a server was told to drain, and how many of them say that nothing follows."""
    closing: list[bool] = []

    async def handler(request: Request) -> Response:
        await trio.sleep(float(request.body))
        return Response(200)

    async def client(server: Server, takes: float) -> None:
        near, far = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.serve, far)
            await near.send_all(build_request(Request("POST", "/", "players", Headers(), str(takes).encode())))
            while data := await near.receive_some():
                if server.draining:
                    closing.append(b"connection: close" in bytes(data))

    async def main() -> None:
        server = Server(handler)
        async with trio.open_nursery() as nursery:
            for number in range(own.connections):
                nursery.start_soon(client, server, 0.1 if number < own.idle else 2.0)
            await trio.sleep(1.0)
            await server.drain()

    _in_no_time(main)
    return len(closing), sum(closing)


def _in_no_time(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
