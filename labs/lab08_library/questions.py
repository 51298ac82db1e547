"""Lab 8's questions: a role in another place, a session of codec and handler, and the fleet's three prices."""

import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import trio
import trio.testing

from labs.fleet import catalogue
from labs.fleet.catalogue import SERVICES
from labs.fleet.measuring import half_way, in_virtual_time
from labs.fleet.prices import ByLibrary, Governance
from labs.fleet.working_copy import WorkingCopy
from labs.lab06_discovery.scenes import people
from labs.lab08_library.evidence import counted, counts, heard, waits
from labs.lab08_library.scenes import PLAYERS, WELL, ill, listed
from labs.questions import Play, Question
from labs.testbed.scene import Scene
from mesh.http import Headers, Request, Response
from mesh.http.http1 import RequestReader, ResponseReader, build_request
from mesh.http.server import Server
from netstack.wire import MILLISECOND, SECOND

# Step 3: in another place ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What the student with a key is asked about. `timeout` is in seconds."""

    requests: int
    tries: int
    few: int
    many: int
    timeout: float

    def scene(self, name: str, players: dict[str, Any], count: int, changes: list[list[str]], **terms: Any) -> Scene:
        """Instances in turn, `count` questions: one each 100 ms if one is down, else so that none meets another."""
        quick = sum("down" in str(each) for each in players.values()) == 1
        every = (100 if quick else 500) * MILLISECOND
        seconds = 2 + count * every / SECOND + 3
        settings = {"timeout": self.timeout, "tries": self.tries} | terms.pop("settings", {})
        return listed(
            f"prediction-{name}",
            players,
            people(count, every=every, begin=SECOND),
            seconds=seconds,
            counted=seconds - 0.5,
            balancer="in turn",
            changes=changes,
            settings=settings,
            **terms,
        )


def elsewhere(key: str) -> Elsewhere:
    """What the student with `key` is asked about."""
    source = random.Random(f"step 3 {key}")
    return Elsewhere(
        requests=source.choice((7, 8, 10, 11)),
        tries=source.choice((2, 3)),
        few=source.randint(14, 20),
        many=2 * source.randint(9, 14),
        timeout=source.choice((0.2, 0.25, 0.3)),
    )


def predict_3(key: str, play: Play) -> list[Question]:
    """One role elsewhere, or gone, and everything else as it was."""
    own = elsewhere(key)
    down, one_down = dict.fromkeys(PLAYERS, ill("down")), {"p1": ill("down"), "p2": WELL, "p3": WELL}
    hangs = {"p1": ill("hangs"), "p2": WELL, "p3": WELL}
    rounds = 3 * own.tries + own.few // 3 * 3
    breaker = {"requests": own.requests, "sleep": 60.0}
    rich: dict[str, Any] = {"breaker": {"requests": 1000}}
    below = [["retries", "below"]]
    tripped, missed, unseen, untimed, tries, endless = (
        cache(partial(play, scene))
        for scene in (
            own.scene("tripped", down, own.requests + 6, below, breaker=breaker),
            own.scene("missed", one_down, own.few, below, **rich),
            own.scene("unseen", hangs, own.many, [["accrual", "bottom"]], **rich),
            own.scene(
                "untimed", hangs, 3 * own.tries + own.few // 3 * 3, [["timeout"]], settings={"deadline": 0.4}, **rich
            ),
            own.scene("tries", one_down, own.few, [["statistics", "above"]], **rich),
            own.scene("endless", dict.fromkeys(PLAYERS, ill("hangs")), 1, [["deadline"]], settings={"deadline": 0.1}),
        )
    )
    return [
        Question(
            "q1",
            f"All three instances are down, and say so. The breaker opens when {own.requests} calls have failed, and "
            f"each question is tried up to {own.tries} times. The *retries* stand just below the balancer. How many "
            "calls reach the instances, all together, until the circuit opens?",
            lambda: sum(counted(tripped(), PLAYERS).values()),
            why="above the retries the breaker sees questions, and each is so many calls: it opens too late",
        ),
        Question(
            "q2",
            f"p1 is down, and says so; p2 and p3 are well. {own.few} people ask, one each 100 ms, each up to "
            f"{own.tries} times; nothing opens. The *retries* stand just below the balancer. How many people hear an "
            "apology?",
            lambda: heard(missed())[1],
            why="a retry meets the same instance again. That it ends at all is due to accrual, which has seen five "
            "failures in a row",
        ),
        Question(
            "q3",
            f"p1 hangs; p2 and p3 are well. {own.many} people ask, one each half second; a try may take "
            f"{own.timeout} s. *accrual* stands below the timeout, next to the instance. How many calls does p1 get?",
            lambda: counted(unseen(), PLAYERS)["p1"],
            why="below the timeout a try that takes too long is cancelled, and says nothing about anybody. Mind that a "
            "retry takes its turn like any other call",
        ),
        Question(
            "q4",
            f"p1 hangs; p2 and p3 are well. {rounds} people ask, one each half second. There is no *timeout* in the "
            "stack, and the deadline is 0.4 s. How many people hear an apology?",
            lambda: heard(untimed())[1],
            why="the caller's patience is over with the first try, so there is none left for a second; and nobody "
            "learns from it",
        ),
        Question(
            "q5",
            f"p1 is down, and says so; p2 and p3 are well. {own.few} people ask, one each 100 ms. The *statistics* "
            "stand just above the balancer. How many requests do they count?",
            lambda: counts(tries())["requests"],
            why="there they see each try: whoever reads them believes that more is asked, and more fails, than people "
            "notice",
        ),
        Question(
            "q6",
            f"All three hang. There is no *deadline* in the stack; a try may take {own.timeout} s, and there are up to "
            f"{own.tries}. After how many seconds does somebody who asks hear an apology?",
            lambda: round(next(iter(waits(endless()).values())), 2),
            tolerance=0.15,
            why="as many timeouts as there are tries, and the pauses in between",
        ),
    ]


# Step 5: codec, session, handler --------------------------------------------------------------------------------------


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
    takes = ", ".join(map(str, own.takes))
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


# Step 6: three prices -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What the student with a key is asked about."""

    style: str
    renamed: str
    order: tuple[str, ...]
    done: int
    fleet: int
    rate: int
    edited: int


def prices(key: str) -> Prices:
    """What the student with `key` is asked about."""
    source = random.Random(f"step 6 {key}")
    names = [kind.name for kind in SERVICES]
    return Prices(
        style=source.choice(sorted({kind.style for kind in SERVICES})),
        renamed=source.choice(("option", "header")),
        order=tuple(source.sample(names, len(names))),
        done=source.randint(3, 5),
        fleet=source.randint(6, 11),
        rate=source.choice((5, 8, 10)),
        edited=source.randint(20, 90),
    )


def predict_6(key: str, play: Play) -> list[Question]:
    """Glue, one runtime, governance: by hand, and as the fleet has it."""
    own = prices(key)
    old = {"option": "timeout", "header": "x-caller"}[own.renamed]
    upgraded = own.order[: own.done]
    upgrade = cache(partial(_upgrade, own.fleet))
    return [
        Question(
            "q1",
            f"Glue: how many lines wire the three services in the style *{own.style}* to the library, together?",
            lambda: _glue(own.style),
            why="the column `glue` of `./lab fleet`",
        ),
        Question(
            "q2",
            f"Governance: suppose that release 2 renames the {own.renamed} only. How many files of the twelve services "
            "must be edited, each service's `requirements.txt` among them?",
            lambda: _files(old),
            why="every service must say that it wants the new release, also those whose code does not change",
        ),
        Question(
            "q3",
            f"{', '.join(upgraded)} have release 2, and no others yet. One question is asked of each of the twelve "
            "services. How many fail?",
            lambda: len(_half_way(upgraded)),
            why="a question fails if any call on its way goes from one release to the other; people say both headers",
        ),
        Question(
            "q4",
            f"`./lab fleet {own.fleet} --bridge`: how many restarts does the upgrade take?",
            lambda: upgrade().restarts,
            why="each service twice, so that nobody fails",
        ),
        Question(
            "q5",
            "And how many edits of files, all rounds together?",
            lambda: upgrade().edits,
            why="the first round edits the requirements, the second these again, and the code",
        ),
        Question(
            "q6",
            f"One runtime: *archive*, in Ruby, is asked {own.rate} times a second. *players* moves; "
            f"{own.edited} minutes later somebody has edited `archive.conf` and started *archive* anew. How many "
            "questions failed?",
            own.rate * 60 * own.edited,
            why="who asks by the library has lost none in that time. It is not the edit that is dear, but the wait for "
            "somebody who knows that it is needed",
        ),
    ]


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="downstack-fleet-")


def _glue(style: str) -> int:
    with _folder() as folder:
        copy = WorkingCopy.lay_out(Path(folder))
        return sum(copy.count(kind.name).glue for kind in SERVICES if kind.style == style)


def _files(old: str) -> int:
    sources = (catalogue.HERE / "services").glob("*/*.*")
    mentioned = sum(f'"{old}"' in text or f"{old} =" in text or f"{old}=" in text for text in map(_text, sources))
    return len(SERVICES) + mentioned


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _half_way(upgraded: tuple[str, ...]) -> frozenset[str]:
    with _folder() as folder:
        return frozenset(half_way(Path(folder), upgraded))


def _upgrade(count: int) -> Governance:
    kinds = SERVICES[:count]
    upgrade = ByLibrary([kind.name for kind in kinds], bridge=True)
    with _folder() as folder:
        return in_virtual_time(Path(folder), kinds, upgrade, rate=1, seed=1, done=lambda name: None).governance
