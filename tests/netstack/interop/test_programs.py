"""Programs that know nothing of us: curl fetches from a trio program on our TCP, which fetches from Python's server."""

import hashlib
import shutil
import sys
import tempfile
from functools import partial

import pytest
import trio

from netstack.wire import Profile
from tests.netstack.interop.ground import KERNELS, OURS, Case, Ground, needs_an_enclave, pieces, play

pytestmark = needs_an_enclave

PAGE = b"".join(pieces(1_000_000, 5))
DIGEST = hashlib.sha256(PAGE).hexdigest()
LOSSY = Case(profile=Profile(loss=0.01))


async def serve_page(stream: trio.SocketStream) -> None:
    """HTTP/1.1, as little of it as curl needs: several requests on one connection, each for the same page."""
    heard = b""
    async for piece in stream:
        heard += piece
        while b"\r\n\r\n" in heard:
            _, _, heard = heard.partition(b"\r\n\r\n")
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(PAGE)}\r\n\r\n"
            await stream.send_all(head.encode() + PAGE)


async def curled(ground: Ground) -> list[str]:
    """What curl has got: one page in two requests, then three pages at once."""
    url = f"http://{OURS}:8080/page"
    async with ground.ours(), trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_tcp, serve_page, 8080)
        await trio.sleep(0.05)
        common = ("curl", "--silent", "--show-error", "--fail", "--max-time", "30")
        process = ground.start(*common, url, url, "--parallel", url, url, url)
        out, _ = await trio.to_thread.run_sync(partial(process.communicate, timeout=50))
        nursery.cancel_scope.cancel()
    size = len(PAGE)
    parts = [out[start : start + size] for start in range(0, len(out), size)]
    return [str(process.returncode), *(hashlib.sha256(part).hexdigest() for part in parts)]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed (Debian: apt-get install curl)")
@pytest.mark.parametrize("case", [Case(), LOSSY], ids=["whole", "lossy"])
def test_curl_fetches_from_a_trio_program_on_our_tcp(case: Case) -> None:
    assert play(curled, case)[:2] == ["0", DIGEST]


async def fetched(ground: Ground) -> tuple[bytes, str]:
    """What Python's own file server gives to a trio program on our TCP."""
    with tempfile.TemporaryDirectory() as folder:
        await trio.Path(folder, "page").write_bytes(PAGE)
        command = ("-u", "-m", "http.server", "8080", "--bind", KERNELS, "--directory", folder)
        process = ground.start(sys.executable, *command)
        try:
            assert process.stdout is not None
            await trio.to_thread.run_sync(process.stdout.readline)
            async with ground.ours():
                stream = await trio.open_tcp_stream(KERNELS, 8080)
                await stream.send_all(b"GET /page HTTP/1.0\r\n\r\n")
                answer = b"".join([piece async for piece in stream])
        finally:
            process.kill()
            process.communicate()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.splitlines()[0], hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("case", [Case(), LOSSY], ids=["whole", "lossy"])
def test_a_trio_program_on_our_tcp_fetches_from_pythons_server(case: Case) -> None:
    assert play(fetched, case) == (b"HTTP/1.0 200 OK", DIGEST)
