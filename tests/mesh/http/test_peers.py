"""What others have written talks to ours: curl, httpx and aiohttp to our server, our client to uvicorn and the like."""

import contextlib
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio

from mesh.http import Request, Response, http2
from mesh.http.client import Pool
from mesh.http.server import Server


async def echo(request: Request) -> Response:
    return Response(200, body=f"{request.method} {request.target} {len(request.body)}".encode())


def with_our_server(ask: Callable[[int], Awaitable[None]], *, version: str = "1.1") -> None:
    async def main() -> None:
        with trio.fail_after(30):
            server = Server(echo)
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            async with trio.open_nursery() as nursery:
                serve = server.serve_http2 if version == "2" else server.serve
                nursery.start_soon(trio.serve_listeners, serve, [listener])
                await ask(listener.socket.getsockname()[1])
                with trio.fail_after(5):
                    await server.drain()
                nursery.cancel_scope.cancel()

    trio.run(main)


async def curl(*arguments: str, stdin: bytes = b"") -> str:
    done = await trio.run_process(["curl", "-sS", "--max-time", "10", *arguments], stdin=stdin, capture_stdout=True)
    return done.stdout.decode()


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@needs_curl
@pytest.mark.parametrize("version", ["1.0", "1.1", "2"])
def test_curl(version: str) -> None:
    if version == "2" and "HTTP2" not in subprocess.run(["curl", "-V"], capture_output=True, text=True).stdout:
        pytest.skip("this curl does not speak HTTP/2")
    flag = {"1.0": "--http1.0", "1.1": "--http1.1", "2": "--http2-prior-knowledge"}[version]

    async def ask(port: int) -> None:
        url = f"http://127.0.0.1:{port}/x?y=1"
        assert await curl(flag, url) == "GET /x?y=1 0"
        assert await curl(flag, "--data-binary", "@-", url, stdin=bytes(3_000_000)) == "POST /x?y=1 3000000"
        assert await curl(flag, "-I", "-o", "/dev/null", "-w", "%{http_code}", url) == "200"
        if version == "1.1":  # (curl 7.88 cannot do this over HTTP/2, whoever the server is)
            assert await curl(flag, url, url) == "GET /x?y=1 0" * 2  # on one connection

    with_our_server(ask, version=version)


@needs_curl
def test_curl_sends_chunks_asks_first_and_would_like_to_upgrade() -> None:
    async def ask(port: int) -> None:
        url = f"http://127.0.0.1:{port}/"
        chunked = ["-H", "transfer-encoding: chunked", "-H", "expect: 100-continue", "--expect100-timeout", "9"]
        assert await curl(*chunked, "--data-binary", "@-", url, stdin=bytes(100_000)) == "POST / 100000"
        assert await curl("--http2", url) == "GET / 0"
        too_long = await curl("--data-binary", "@-", "-w", "%{http_code}", url, stdin=bytes(5_000_000))
        assert too_long.endswith("413")

    with_our_server(ask)


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_httpx(version: str) -> None:
    httpx = pytest.importorskip("httpx", reason="httpx comes with the group bench")

    async def ask(port: int) -> None:
        url = f"http://127.0.0.1:{port}/x"
        async with httpx.AsyncClient(http1=version == "1.1", http2=version == "2", trust_env=False) as client:
            answers: list[str] = []

            async def post(length: int) -> None:
                answers.append((await client.post(url, content=bytes(length))).text)

            async with trio.open_nursery() as nursery:
                for length in (0, 1, 70_000, 1_000_000):
                    nursery.start_soon(post, length)
            assert sorted(answers) == sorted(f"POST /x {length}" for length in (0, 1, 70_000, 1_000_000))

    with_our_server(ask, version=version)


def test_aiohttp() -> None:
    aiohttp = pytest.importorskip("aiohttp", reason="aiohttp comes with the group bench")

    async def on_asyncio(port: int) -> None:
        async with aiohttp.ClientSession() as session:
            for length in (0, 1_000_000):
                async with session.post(f"http://127.0.0.1:{port}/x", data=bytes(length)) as response:
                    assert await response.text() == f"POST /x {length}"

    async def ask(port: int) -> None:
        import asyncio

        await trio.to_thread.run_sync(lambda: asyncio.run(on_asyncio(port)))

    with_our_server(ask)


@pytest.mark.parametrize(
    ("name", "version"),
    [("uvicorn", "http1"), ("aiohttp", "http1"), ("hypercorn", "http1"), ("hypercorn", "http2")],
)
def test_our_client_talks_to(name: str, version: str) -> None:
    pytest.importorskip(name, reason=f"{name} comes with the group bench")
    from bench import http as bench

    async def main(port: int) -> None:
        request = Request("POST", bench.PATH, f"127.0.0.1:{port}", bench.JSON, bench.ASKED)
        connect = partial(trio.open_tcp_stream, "127.0.0.1", port)
        async with contextlib.AsyncExitStack() as stack:
            if version == "http1":
                pool = Pool(connect=connect, connect_seconds=10)
                stack.push_async_callback(pool.aclose)
                send = pool.request
            else:
                send = (await stack.enter_async_context(http2.channel(connect))).request
            with trio.fail_after(30):
                async with trio.open_nursery() as nursery:
                    for _ in range(8):
                        nursery.start_soon(_asks_five_times, send, request, bench.ANSWER)

    with bench._child("serve", version, name) as (_, port):
        trio.run(main, port)


async def _asks_five_times(send: Callable[[Request], Awaitable[Response]], request: Request, answer: bytes) -> None:
    for _ in range(5):
        response = await send(request)
        assert (response.status, response.body) == (200, answer)
