"""HTTP/2: one connection for all requests, ended in order; what is too slow, too large, too often, or no HTTP/2."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import h2.config
import h2.connection
import h2.events
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from mesh.http import http2
from mesh.http.client import Broken, CannotConnect
from mesh.http.http2.server import MANY_RESETS
from mesh.http.limits import Limits
from mesh.http.message import Headers, HttpError, Request, Response
from mesh.http.server import Handler, Server

GET = Request("GET", "/", "a")
LIMITS = Limits()


async def echo(request: Request) -> Response:
    return Response(200, body=request.method.encode() + b" " + request.body)


async def slow(request: Request) -> Response:
    await trio.sleep(1)
    return Response(200, body=b"done")


@asynccontextmanager
async def served(
    handler: Handler, limits: Limits = LIMITS
) -> AsyncIterator[tuple[Server, http2.Channel, list[trio.abc.Stream]]]:
    server, made = Server(handler, limits), list[trio.abc.Stream]()
    async with trio.open_nursery() as nursery:

        async def connect() -> trio.abc.Stream:
            near, far = trio.testing.memory_stream_pair()
            made.append(near)
            nursery.start_soon(server.serve_http2, far)
            return near

        async with http2.channel(connect) as channel:
            yield server, channel, made
        nursery.cancel_scope.cancel()


class Raw:
    """A client that does what it wants, frame by frame."""

    def __init__(self, handler: Handler, limits: Limits, nursery: trio.Nursery) -> None:
        self.stream, far = trio.testing.memory_stream_pair()
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        nursery.start_soon(Server(handler, limits).serve_http2, far)

    async def post(self, number: int, body: bytes = b"", *, end: bool = False) -> None:
        fields = [(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "a")]
        self.h2.send_headers(number, fields)
        if body or end:
            self.h2.send_data(number, body, end_stream=end)
        await self.flush()

    async def flush(self) -> None:
        await self.stream.send_all(self.h2.data_to_send())

    async def events(self) -> list[h2.events.Event]:
        """All that comes until the server closes."""
        events: list[h2.events.Event] = []
        while data := await self.stream.receive_some():
            events += self.h2.receive_data(bytes(data))
        return events


async def test_all_requests_share_a_connection() -> None:
    async with served(slow) as (_, channel, made):
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(channel.request, GET)
        assert trio.current_time() == pytest.approx(1.0)
        assert len(made) == 1


async def test_more_requests_than_the_server_takes_at_a_time_wait() -> None:
    async with served(slow, Limits(streams=10)) as (_, channel, made):
        await channel.request(GET)  # the server's settings have come
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(25):
                nursery.start_soon(channel.request, GET)
        assert trio.current_time() - began == pytest.approx(3.0)
        assert len(made) == 1


async def test_a_server_that_drains_finishes_and_the_channel_goes_elsewhere() -> None:
    async with served(slow) as (server, channel, made):
        answers: list[Response] = []

        async def ask() -> None:
            answers.append(await channel.request(GET))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(ask)
            await trio.sleep(0.5)
            await server.drain()
        assert trio.current_time() == pytest.approx(1.0)
        assert [answer.body for answer in answers] == [b"done"] * 2
        with pytest.raises((Broken, CannotConnect)):  # another connection, which nobody takes
            await channel.request(GET)
        assert len(made) == 2


async def test_what_came_too_late_for_a_draining_server_was_not_seen() -> None:
    async with trio.open_nursery() as nursery:
        near, far = trio.testing.memory_stream_pair()
        server = Server(slow)
        nursery.start_soon(server.serve_http2, far)
        raw = h2.connection.H2Connection(h2.config.H2Configuration())
        raw.initiate_connection()
        fields = [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "a")]
        raw.send_headers(1, fields, end_stream=True)
        await near.send_all(raw.data_to_send())
        await trio.sleep(0.1)
        nursery.start_soon(server.drain)
        await trio.sleep(0.1)
        raw.send_headers(3, fields, end_stream=True)  # it has not read GOAWAY yet
        await near.send_all(raw.data_to_send())
        data = b""
        while part := await near.receive_some():
            data += part
        frames = [kind for kind, _ in _frames(data)]
        assert frames.count("GOAWAY") >= 1
        assert ("RST_STREAM", 3) in _frames(data)
        assert ("HEADERS", 1) in _frames(data)


def _frames(data: bytes) -> list[tuple[str, int]]:
    """Type and stream of each frame."""
    names = {0: "DATA", 1: "HEADERS", 3: "RST_STREAM", 4: "SETTINGS", 6: "PING", 7: "GOAWAY", 8: "WINDOW_UPDATE"}
    frames = []
    while data:
        length = int.from_bytes(data[:3], "big")
        frames.append((names.get(data[3], "?"), int.from_bytes(data[5:9], "big")))
        data = data[9 + length :]
    return frames


async def test_a_cancelled_request_leaves_the_connection_alone() -> None:
    cancelled = 0

    async def stuck(request: Request) -> Response:
        nonlocal cancelled
        try:
            await trio.sleep(1 if request.target == "/" else float("inf"))
        except trio.Cancelled:
            cancelled += 1
            raise
        return Response(204)

    async with served(stuck) as (_, channel, made):
        with trio.move_on_after(2):
            await channel.request(Request("GET", "/stuck", "a"))
        assert (await channel.request(GET)).status == 204
        assert (len(made), cancelled) == (1, 1)


async def test_the_answer_to_head_has_no_body() -> None:
    async with served(echo) as (_, channel, _made):
        assert (await channel.request(Request("HEAD", "/", "a"))).body == b""


async def test_headers_that_would_be_two_are_refused_on_either_side() -> None:
    async def split(request: Request) -> Response:
        return Response(200, Headers.of(x="a\r\nset-cookie: evil"))

    async with served(split) as (_, channel, made):
        with pytest.raises(HttpError):
            await channel.request(Request("GET", "/", "a", Headers.of(x="a\nb")))
        assert (await channel.request(GET)).status == 500
        assert len(made) == 1


async def test_a_body_too_long_breaks_its_own_stream_only() -> None:
    async with served(echo, Limits(body=1000)) as (_, channel, made):
        for _ in range(3):  # what is thrown away must not stay on the connection's account
            with pytest.raises(Broken):
                await channel.request(Request("POST", "/", "a", body=bytes(200_000)))
        assert (await channel.request(Request("POST", "/", "a", body=b"x"))).body == b"POST x"
        assert len(made) == 1


async def test_a_request_that_never_ends_is_reset_and_an_idle_connection_closed() -> None:
    async with trio.open_nursery() as nursery:
        raw = Raw(echo, Limits(body_seconds=20, idle_seconds=30), nursery)
        await raw.flush()
        await raw.post(1, b"half")
        await trio.sleep(5)
        await raw.post(3, b"whole", end=True)
        events = await raw.events()
        assert trio.current_time() == pytest.approx(50)
        assert [event.stream_id for event in events if isinstance(event, h2.events.StreamReset)] == [1]
        assert [event.stream_id for event in events if isinstance(event, h2.events.StreamEnded)] == [3]


async def test_a_client_that_opens_no_window_is_given_up() -> None:
    async def vast(request: Request) -> Response:
        return Response(200, body=bytes(1_000_000))

    async with trio.open_nursery() as nursery:
        raw = Raw(vast, Limits(send_seconds=7, idle_seconds=10), nursery)
        await raw.flush()
        await raw.post(1, end=True)
        events = await raw.events()
        assert trio.current_time() == pytest.approx(17)
        got = sum(len(event.data or b"") for event in events if isinstance(event, h2.events.DataReceived))
        assert got == 65535
        assert any(isinstance(event, h2.events.StreamReset) for event in events)


async def test_rapid_reset_ends_the_connection() -> None:
    begun = 0

    async def count(request: Request) -> Response:
        nonlocal begun
        begun += 1
        await trio.sleep(1)
        return Response(200)

    async with trio.open_nursery() as nursery:
        raw = Raw(count, LIMITS, nursery)
        await raw.flush()
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            for number in range(1, 2001, 2):
                await raw.post(number, end=True)
                raw.h2.reset_stream(number)
                await raw.flush()
        events = await raw.events()
    terminated = [event for event in events if isinstance(event, h2.events.ConnectionTerminated)]
    assert terminated
    assert begun <= MANY_RESETS + 1


fields = st.sampled_from([b"", b"\x82\x86\x84\x41\x01a", b"\xff" * 5, b"\x00" * 8, bytes(70_000)])
frames = st.builds(
    lambda kind, flags, number, payload: len(payload).to_bytes(3, "big") + bytes([kind, flags]) + number + payload,
    st.integers(0, 12),
    st.sampled_from([0, 1, 4, 5, 0x25, 0xFF]),
    st.sampled_from([0, 1, 2, 3]).map(lambda number: number.to_bytes(4, "big")),
    fields | st.binary(max_size=12),
)


@given(st.lists(frames, max_size=12), st.binary(max_size=10), st.booleans())
def test_whatever_comes_the_connection_ends_and_nothing_else_breaks(
    sent: list[bytes], noise: bytes, has_preface: bool
) -> None:
    async def main() -> None:
        near, far = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Server(echo).serve_http2, far)
            hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" if has_preface else b""
            with suppress(trio.BrokenResourceError):
                await near.send_all(hello + b"".join(sent) + noise)
                await near.send_eof()
                while await near.receive_some():
                    pass

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@given(st.lists(frames, max_size=12), st.binary(max_size=10))
def test_whatever_a_server_says_a_request_fails_in_one_way(sent: list[bytes], noise: bytes) -> None:
    async def main() -> None:
        near, far = trio.testing.memory_stream_pair()
        await far.send_all(b"\0\0\0\4\0\0\0\0\0" + b"".join(sent) + noise)
        await far.send_eof()
        async with http2.connected(near) as client:
            with suppress(Broken):
                await client.request(GET)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
