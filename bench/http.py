"""HTTP servers and clients: ours beside hypercorn, uvicorn, aiohttp and httpx, each as its documentation shows.

All do the same: a POST of a small JSON object on one of 32 connections that stay, or streams of HTTP/2, and an
answer of a hundred bytes. A server is a process of its own on one processor, a client another; what is compared is how
many requests a second of the *processor's* time one of them handles, so that what stands at its other end, and what
else the machine does, count for little. Ours and the peers take turns; each number is the median of its rounds. All
run on this interpreter and on their pure event loops: hypercorn on trio, as ours does, the others on asyncio, which
does less for a task than trio and is the faster one here.
"""

import asyncio
import contextlib
import importlib.util
import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import trio

from bench.rows import Row
from mesh.http import Headers, Request, Response, http2
from mesh.http.client import Pool
from mesh.http.server import Server

CONNECTIONS = 32
ASKED, ANSWER = (
    b'{"team": "Reds"}',
    b'{"players": ["' + b'", "'.join(b"player %02d" % each for each in range(6)) + b'"]}',
)
PATH = "/players.Players/of"
JSON = Headers.of(content_type="application/json")

SERVERS = {"hypercorn": 4.0, "uvicorn": 0.8, "aiohttp": 0.8}
"""The goals, as ratios, and those below for clients and for HTTP/2. uvicorn and aiohttp parse in C as ours does, on
asyncio's callbacks; to keep a task and a limit of time for each connection costs what it saves elsewhere."""
CLIENTS = {"httpx": 8.0, "aiohttp": 1.5}
HTTP2_SERVERS, HTTP2_CLIENTS = {"hypercorn": 1.5}, {"httpx": 2.0}


def rows(quick: bool) -> Iterable[Row]:
    """Servers, then clients; HTTP/1.1, then HTTP/2."""
    rounds, requests = (3, 600) if quick else (7, 2_400)
    unit = "requests/CPU s"
    yield from _compared("server, HTTP/1.1", SERVERS, partial(_served, "http1", requests), unit, rounds)
    yield from _compared("client, HTTP/1.1", CLIENTS, partial(_asked, "http1", requests), unit, rounds)
    fewer = requests // 3
    yield from _compared("server, HTTP/2", HTTP2_SERVERS, partial(_served, "http2", fewer), unit, rounds)
    yield from _compared("client, HTTP/2", HTTP2_CLIENTS, partial(_asked, "http2", fewer), unit, rounds)


def _compared(
    what: str, peers: dict[str, float], rate: Callable[[str], float], unit: str, rounds: int
) -> Iterator[Row]:
    here = [name for name in peers if importlib.util.find_spec(name)]
    taken: dict[str, list[float]] = {name: [] for name in ("ours", *here)}
    for _ in range(rounds):
        for name, rates in taken.items():
            rates.append(rate(name))
    for peer, goal in peers.items():
        yield Row(
            what=what,
            ours=statistics.median(taken["ours"]),
            unit=unit,
            peer_name=peer,
            peer=statistics.median(taken[peer]) if peer in here else None,
            goal=goal,
            note="" if peer in here else f"{peer} is not installed",
        )


# A server in a process of its own, and a client that costs it nothing ------------------------------------------------


def _served(version: str, requests: int, name: str) -> float:
    """Requests a second of the server's processor time."""
    with _child("serve", version, name) as (child, port):
        load = _load if version == "http1" else _load_http2
        load(port, max(requests // 10, CONNECTIONS))
        before = _processor_time(child)
        load(port, requests)
        return requests / (_processor_time(child) - before)


def _asked(version: str, requests: int, name: str) -> float:
    """Requests a second of the client's processor time."""
    server = ("serve", "http1", "fixed") if version == "http1" else ("serve", "http2", "ours")
    with _child(*server) as (_, port):
        command = [sys.executable, "-m", "bench.http", "ask", version, name, str(port), str(requests)]
        told = subprocess.run(command, cwd=_ROOT, capture_output=True, check=True, timeout=300).stdout
        return requests / float(told)


_ROOT = Path(__file__).parent.parent


@contextlib.contextmanager
def _child(*what: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        fd = listener.fileno()
        command = [sys.executable, "-m", "bench.http", *what, str(fd)]
        child = subprocess.Popen(command, cwd=_ROOT, pass_fds=[fd], stderr=subprocess.DEVNULL)
        try:
            yield child, listener.getsockname()[1]
        finally:
            child.kill()
            child.wait()


def _processor_time(child: subprocess.Popen[bytes]) -> float:
    """Seconds, of all threads (proc(5))."""
    tasks = Path(f"/proc/{child.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def _load(port: int, requests: int) -> None:
    """Ask on all connections, one request each at a time. All answers are as long as the first one."""
    message = (
        b"POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
    ) % (PATH.encode(), port, len(ASKED), ASKED)
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 30)) for _ in range(CONNECTIONS)
        ]
        length = _answer_length(connections[0], message)
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ, [0])
            connection.sendall(message)
        begun, done = CONNECTIONS, 0
        while done < requests:
            ready = selector.select(30)
            if not ready:
                raise ConnectionError("the server has not answered for 30 seconds")
            for key, _ in ready:
                got: list[int] = key.data
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                if not data:
                    raise ConnectionError("the server closed a connection that was to stay")
                got[0] += len(data)
                if got[0] == length:
                    got[0], done = 0, done + 1
                    if begun < requests:
                        begun += 1
                        key.fileobj.sendall(message)  # type: ignore[union-attr]


def _answer_length(connection: socket.socket, message: bytes) -> int:
    connection.sendall(message)
    data = b""
    while ANSWER not in data:
        data += connection.recv(65536)
    if not data.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(f"not the answer: {data!r}")
    return len(data)


def _load_http2(port: int, requests: int) -> None:
    trio.run(_ask_ours_http2, port, requests)


# The servers ---------------------------------------------------------------------------------------------------------


async def _handler(request: Request) -> Response:
    if request.body != ASKED:
        return Response(400)
    return Response(200, JSON, ANSWER)


def _serve_ours(listener: socket.socket, version: str) -> None:
    async def main() -> None:
        serve = Server(_handler).serve if version == "http1" else partial(http2.serve, handler=_handler)
        await trio.serve_listeners(serve, [trio.SocketListener(trio.socket.from_stdlib_socket(listener))])

    trio.run(main)


async def _application(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]
) -> None:
    """The same as ASGI."""
    if scope["type"] != "http":
        raise NotImplementedError("no lifespan here; ASGI says so by an exception")
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
    await send({"type": "http.response.start", "status": 200 if body == ASKED else 400, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


def _serve_hypercorn(listener: socket.socket, version: str) -> None:
    import hypercorn.config
    import hypercorn.trio

    config = hypercorn.config.Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = config.errorlog = None
    config.keep_alive_max_requests = 1_000_000
    trio.run(partial(hypercorn.trio.serve, _application, config))  # type: ignore[arg-type]


def _serve_uvicorn(listener: socket.socket, version: str) -> None:
    import uvicorn

    uvicorn.run(
        _application,
        fd=listener.fileno(),
        loop="asyncio",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
    )


def _serve_aiohttp(listener: socket.socket, version: str) -> None:
    from aiohttp import web

    async def answer(request: web.Request) -> web.Response:
        if await request.read() != ASKED:
            return web.Response(status=400)
        return web.Response(body=ANSWER, content_type="application/json")

    application = web.Application()
    application.router.add_post(PATH, answer)
    web.run_app(application, sock=listener, print=None, access_log=None)


class _Fixed(asyncio.Protocol):
    """Answers without looking: what clients are measured against."""

    message = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER) + ANSWER

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._got = transport, b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self._got.endswith(ASKED):
            self._got = b""
            self._transport.write(self.message)  # type: ignore[attr-defined]


def _serve_fixed(listener: socket.socket, version: str) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Fixed, sock=listener)
        await server.serve_forever()

    asyncio.run(main())


# The clients: each asks so many times, and says how much processor time that took -----------------------------------


async def _ask_ours(port: int, requests: int) -> None:
    pool = Pool(connect=partial(trio.open_tcp_stream, "127.0.0.1", port), most=CONNECTIONS)
    await _all_at_once(partial(pool.request, Request("POST", PATH, f"127.0.0.1:{port}", JSON, ASKED)), requests)
    await pool.aclose()


async def _ask_ours_http2(port: int, requests: int) -> None:
    async with http2.connected(await trio.open_tcp_stream("127.0.0.1", port)) as client:
        await _all_at_once(partial(client.request, Request("POST", PATH, f"127.0.0.1:{port}", JSON, ASKED)), requests)


async def _all_at_once(ask: Callable[[], Awaitable[Response]], requests: int) -> None:
    async def worker(count: int) -> None:
        for _ in range(count):
            if (await ask()).body != ANSWER:
                raise ConnectionError("not the answer")

    async with trio.open_nursery() as nursery:
        for number in range(CONNECTIONS):
            nursery.start_soon(worker, len(range(number, requests, CONNECTIONS)))


async def _ask_httpx(port: int, requests: int, *, http2: bool) -> None:
    import httpx

    url, headers = f"http://127.0.0.1:{port}{PATH}", dict(JSON)
    async with httpx.AsyncClient(http1=not http2, http2=http2, trust_env=False) as client:

        async def worker(count: int) -> None:
            for _ in range(count):
                if (await client.post(url, content=ASKED, headers=headers)).content != ANSWER:
                    raise ConnectionError("not the answer")

        await asyncio.gather(*(worker(len(range(each, requests, CONNECTIONS))) for each in range(CONNECTIONS)))


async def _ask_aiohttp(port: int, requests: int) -> None:
    import aiohttp

    url, headers = f"http://127.0.0.1:{port}{PATH}", dict(JSON)
    async with aiohttp.ClientSession() as session:

        async def worker(count: int) -> None:
            for _ in range(count):
                async with session.post(url, data=ASKED, headers=headers) as response:
                    if await response.read() != ANSWER:
                        raise ConnectionError("not the answer")

        await asyncio.gather(*(worker(len(range(each, requests, CONNECTIONS))) for each in range(CONNECTIONS)))


def _ask(version: str, name: str, port: int, requests: int) -> None:
    match name, version:
        case "ours", "http1":
            trio.run(_ask_ours, port, requests)
        case "ours", "http2":
            trio.run(_ask_ours_http2, port, requests)
        case "httpx", _:
            asyncio.run(_ask_httpx(port, requests, http2=version == "http2"))
        case "aiohttp", _:
            asyncio.run(_ask_aiohttp(port, requests))


def _main(what: str, version: str, name: str, *rest: str) -> None:
    """A child: `serve VERSION NAME FD`, or `ask VERSION NAME PORT REQUESTS`."""
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[0] if what == "serve" else processors[-1]})
    if what == "serve":
        listener = socket.socket(fileno=int(rest[0]))
        {
            "ours": _serve_ours,
            "hypercorn": _serve_hypercorn,
            "uvicorn": _serve_uvicorn,
            "aiohttp": _serve_aiohttp,
            "fixed": _serve_fixed,
        }[name](listener, version)
        return
    port, requests = int(rest[0]), int(rest[1])
    _ask(version, name, port, max(requests // 10, CONNECTIONS))
    began = time.process_time()
    _ask(version, name, port, requests)
    print(time.process_time() - began)


if __name__ == "__main__":
    _main(*sys.argv[1:])
