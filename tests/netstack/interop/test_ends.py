"""How connections between our TCP and Linux's begin and end: refused, waiting, halfway, killed, cut, many at once."""

import errno
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio

from tests.netstack.interop.ground import (
    KERNELS,
    OURS,
    PORT,
    Case,
    Ground,
    hear,
    met,
    needs_an_enclave,
    play,
    say,
    together,
)

pytestmark = needs_an_enclave

MANY = 200


async def error_of(call: Callable[..., Awaitable[object]], *arguments: object) -> str:
    """The name of the error that a call ends with; empty when it does not."""
    try:
        await call(*arguments)
    except (OSError, trio.BrokenResourceError) as error:
        cause: BaseException | None = error
        while cause is not None and not getattr(cause, "errno", None):  # trio wraps what the system said
            cause = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause.__cause__
        return errno.errorcode[getattr(cause, "errno", 0)]
    return ""


# Beginning


async def refused(ground: Ground) -> list[str]:
    async with ground.ours():
        return [await error_of(trio.open_tcp_stream, KERNELS, PORT), await error_of(ground.connect)]


def test_nobody_listens() -> None:
    assert play(refused, Case()) == ["ECONNREFUSED", "ECONNREFUSED"]


async def beyond_the_backlog(ground: Ground, we_call: bool) -> float:
    """Two connections wait at a listener that takes no more; how long the third takes, if one is accepted meanwhile."""

    async def call() -> object:
        return await trio.open_tcp_stream(KERNELS, PORT) if we_call else await ground.connect()

    async with ground.ours():
        if we_call:
            listener = ground.listener(backlog=1)  # Linux lets one more wait than it is told.
        else:
            (listener,) = await trio.open_tcp_listeners(PORT, host=OURS, backlog=2)
        waiting = [await call(), await call()]
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await trio.sleep(0.3)
            await listener.accept()
        del waiting
        return trio.current_time() - began


@pytest.mark.parametrize("we_call", [True, False], ids=["the kernel's is full", "ours is full"])
def test_a_full_backlog_makes_the_other_side_try_again(we_call: bool) -> None:
    """With its second SYN, which goes a second after the first: Linux's first timeout, and ours (RFC 6298, 2.1)."""
    without_cookies = Case(kernels={"tcp_syncookies": "0"})
    assert play(beyond_the_backlog, without_cookies, we_call) > 0.9


async def crowd(ground: Ground, we_call: bool) -> list[list[str]]:
    """Many connections at once, each with something of its own to say, and answered."""

    async def answer(stream: trio.SocketStream) -> None:
        heard = bytearray()
        async for piece in stream:
            heard += piece
        await stream.send_all(heard)
        await stream.send_eof()

    async def ask(number: int) -> list[str]:
        async with await trio.open_tcp_stream(KERNELS, PORT) if we_call else await ground.connect() as stream:
            return await together(partial(say, stream, 5000, number), partial(hear, stream))

    async with ground.ours(), trio.open_nursery() as nursery:
        listeners = [ground.listener()] if we_call else await trio.open_tcp_listeners(PORT, host=OURS)
        nursery.start_soon(trio.serve_listeners, answer, listeners)
        found = await together(*(partial(ask, number) for number in range(MANY)))
        nursery.cancel_scope.cancel()
    return found


@pytest.mark.parametrize("we_call", [True, False], ids=["we call", "the kernel calls"])
def test_many_at_once(we_call: bool) -> None:
    found = play(crowd, Case(), we_call)
    assert all(said == heard for said, heard in found)
    assert len({said for said, _ in found}) == MANY


# Ending


async def half_closed(ground: Ground, we_end: bool) -> tuple[bytes, str, str]:
    """One side has no more to say, and hears the other all the same."""
    async with ground.ours():
        ours, theirs = await met(ground, we_call=True)
        first, other = (ours, theirs) if we_end else (theirs, ours)
        await first.send_eof()
        end = await other.receive_some()
        said, heard = await together(partial(say, other, 100_000, 3), partial(hear, first))
    return end, said, heard


@pytest.mark.parametrize("we_end", [True, False], ids=["we end", "the kernel ends"])
def test_half_closed(we_end: bool) -> None:
    end, said, heard = play(half_closed, Case(), we_end)
    assert end == b""
    assert said == heard


LISTENS = """
import socket, sys
listener = socket.create_server(("10.0.0.2", 80))
print(flush=True)
connection, _ = listener.accept()
connection.recv(int(sys.argv[1]))
print(flush=True)
sys.stdin.read()
"""


async def killed(ground: Ground, reads: int) -> tuple[str, str]:
    """The kernel's program has read so many of our five bytes, and is killed; then we read, and write twice."""
    process = ground.start(sys.executable, "-c", LISTENS, str(reads))
    try:
        assert process.stdout is not None
        await trio.to_thread.run_sync(process.stdout.readline)
        async with ground.ours():
            stream = await trio.open_tcp_stream(KERNELS, PORT)
            await stream.send_all(b"hello")
            await trio.to_thread.run_sync(process.stdout.readline)
            process.send_signal(signal.SIGKILL)
            heard = await error_of(stream.receive_some)
            await error_of(stream.send_all, b"anybody?")
            await trio.sleep(0.1)
            return heard, await error_of(stream.send_all, b"anybody?")
    finally:
        process.kill()
        process.communicate()


def test_a_killed_program_that_had_read_everything_ends_in_order() -> None:
    """Its kernel sends a FIN; only what we say to it then is answered by a reset."""
    heard, written = play(killed, Case(), 5)
    assert heard == ""
    assert written in ("EPIPE", "ECONNRESET")


def test_a_killed_program_that_had_not_read_everything_resets() -> None:
    heard, written = play(killed, Case(), 3)
    assert heard == "ECONNRESET"
    assert written in ("EPIPE", "ECONNRESET")


async def left(ground: Ground, reads: int) -> tuple[str, bytes]:
    """It is our program that ends, having read so many of the kernel's five bytes."""
    heard = b""
    async with ground.ours():
        ours, theirs = await met(ground, we_call=True)
        await theirs.send_all(b"hello")
        if reads:
            heard = await ours.receive_some(reads)
        else:
            await ours.socket.wait_readable()
    return await error_of(theirs.receive_some), heard


@pytest.mark.parametrize(("reads", "error"), [(5, ""), (3, "ECONNRESET"), (0, "ECONNRESET")])
def test_a_program_of_ours_ends(reads: int, error: str) -> None:
    assert play(left, Case(), reads) == (error, b"hello"[:reads])


async def cut(ground: Ground) -> list[str]:
    async with ground.ours():
        ours, theirs = await met(ground, we_call=True)

        async def drip() -> str:
            """Slowly enough that the link is cut meanwhile."""
            for _ in range(10):
                await trio.sleep(0.05)
                await ours.send_all(bytes(30_000))
            return await say(ours, 0, 0)

        got: list[int] = []

        async def listen() -> None:
            got.extend([len(piece) async for piece in theirs])

        await together(drip, listen)
        there = await together(partial(say, theirs, 100_000, 4), partial(hear, ours))
    return [str(sum(got)), *there, str(ground.faults["cut"] > 0)]


def test_a_cut_link_is_waited_for() -> None:
    """Nobody is told; what was lost is sent again when the link is back."""
    got, said, heard, was_cut = play(cut, Case(script=("cut link:200ms-1200ms",)))
    assert (got, was_cut) == ("300000", "True")
    assert said == heard
