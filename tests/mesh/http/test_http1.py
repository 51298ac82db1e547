"""HTTP/1.1: however the network cuts the bytes; what is refused; a server and a client that use connections again."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from mesh.http.client import Broken, CannotConnect, Pool
from mesh.http.http1 import RequestReader, ResponseReader, build_request, build_response
from mesh.http.limits import Limits
from mesh.http.message import Headers, HttpError, Request, Response, text
from mesh.http.server import Server

names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).filter(
    lambda name: name not in {"connection", "host", "upgrade", "te", "trailer", "expect", "keep-alive"}
)
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
headers = st.lists(st.tuples(names, values), max_size=5).map(lambda pairs: Headers(tuple(pairs)))
requests = st.builds(
    Request,
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    st.just("/teams/lions?x=1"),
    st.just("players:8080"),
    headers,
    st.binary(max_size=200),
)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """`data` in pieces."""
    edges = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges) if begin < end]


@given(st.lists(requests, min_size=1, max_size=3), st.lists(st.integers(0, 10_000), max_size=6))
def test_requests_come_out_as_they_went_in_however_they_are_cut(sent: list[Request], at: list[int]) -> None:
    reader = RequestReader()
    found = [request for piece in cut(b"".join(map(build_request, sent)), at) for request in reader.feed(piece)]
    assert [(each.method, each.target, each.authority, each.body) for each in found] == [
        (each.method, each.target, each.authority, each.body) for each in sent
    ]
    for one, other in zip(sent, found, strict=True):
        assert set(one.headers.without(["content-length"])) <= set(other.headers)


@given(st.binary(max_size=300), st.lists(st.integers(0, 10_000), max_size=6))
def test_responses_come_out_as_they_went_in(body: bytes, at: list[int]) -> None:
    reader = ResponseReader()
    data = build_response(Response(200, Headers.of(x="y"), body)) * 2
    found = [response for piece in cut(data, at) for response in reader.feed(piece)]
    assert [(each.status, each.body, each.headers.get("x")) for each in found] == [(200, body, "y")] * 2


@given(st.binary(max_size=400))
def test_noise_is_no_request_and_raises_one_error(data: bytes) -> None:
    for make in (RequestReader, ResponseReader):
        with suppress(HttpError):
            make().feed(data)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no Host"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400, id="two Hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n", 413, id="a long body"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 101 + b"\r\n", 431, id="many headers"),
        pytest.param(b"GET / HTTP/1.1\r\nx: " + b"y" * 40_000, 431, id="a long header"),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            id="two lengths",
        ),
    ],
)
def test_what_a_server_refuses(data: bytes, status: int) -> None:
    with pytest.raises(HttpError) as refused:
        RequestReader().feed(data)
    assert refused.value.status == status


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\n", "a\0"])
def test_a_header_cannot_smuggle_another(value: str) -> None:
    with pytest.raises(HttpError):
        build_response(Response(200, Headers.of(x=value)))


def test_a_body_without_length_ends_with_the_connection() -> None:
    reader = ResponseReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nhel") == []
    assert reader.feed(b"lo") == []
    assert reader.feed_end()[0].body == b"hello"
    assert not reader.keeps_alive


async def echo(request: Request) -> Response:
    return Response(200, body=request.method.encode() + b" " + request.body)


@asynccontextmanager
async def served(
    handler: Callable[[Request], Awaitable[Response]], **options: object
) -> AsyncIterator[tuple[Server, Pool, list[trio.abc.Stream]]]:
    """A server in memory, a pool that connects to it, and the connections that were made."""
    server, made = Server(handler), []
    async with trio.open_nursery() as nursery:

        async def connect() -> trio.abc.Stream:
            near, far = trio.testing.memory_stream_pair()
            made.append(near)
            nursery.start_soon(server.serve, far)
            return near

        yield server, Pool(connect=connect, **options), made  # type: ignore[arg-type]
        nursery.cancel_scope.cancel()


async def test_a_connection_is_used_again() -> None:
    async with served(echo) as (_, pool, made):
        for _ in range(3):
            assert (await pool.request(Request("POST", "/", "a", body=b"x"))).body == b"POST x"
        assert len(made) == 1


async def test_an_idle_connection_grows_old() -> None:
    async with served(echo, idle_seconds=5) as (_, pool, made):
        await pool.request(Request("GET", "/", "a"))
        await trio.sleep(6)
        await pool.request(Request("GET", "/", "a"))
        assert len(made) == 2


async def test_more_requests_than_connections_wait() -> None:
    async def slow(request: Request) -> Response:
        await trio.sleep(1)
        return Response(204)

    async with served(slow, most=2) as (_, pool, made):
        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(pool.request, Request("GET", "/", "a"))
        assert trio.current_time() == pytest.approx(3.0)
        assert len(made) == 2


async def test_a_cancelled_request_gives_its_place_to_another() -> None:
    async def stuck(request: Request) -> Response:
        if request.target == "/stuck":
            await trio.sleep_forever()
        return Response(200)

    async with served(stuck, most=1) as (_, pool, made):
        with trio.move_on_after(2):
            await pool.request(Request("GET", "/stuck", "a"))
        assert (await pool.request(Request("GET", "/", "a"))).status == 200
        assert len(made) == 2


async def test_a_slow_head_is_told_and_closed() -> None:
    server = Server(echo)
    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve, far)
        await near.send_all(b"GET / HTTP/1.1\r\n")
        assert b"408" in await near.receive_some()
        assert trio.current_time() == pytest.approx(Limits().head_seconds)
        assert await near.receive_some() == b""


async def test_draining_answers_who_waits_and_lets_nobody_in() -> None:
    async def slow(request: Request) -> Response:
        await trio.sleep(1)
        return text(200, "done")

    async with served(slow) as (server, pool, _):
        answers: list[Response] = []

        async def ask() -> None:
            answers.append(await pool.request(Request("GET", "/", "a")))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.sleep(0.5)
            await server.drain()
            assert trio.current_time() == pytest.approx(1.0)
        assert answers[0].headers.get("connection") == "close"
        with pytest.raises((Broken, CannotConnect)):
            await pool.request(Request("GET", "/", "a"))


async def test_a_handler_that_fails_is_a_500_and_the_connection_lives() -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("no")

    async with served(broken) as (_, pool, made):
        for _ in range(2):
            assert (await pool.request(Request("GET", "/", "a"))).status == 500
        assert len(made) == 1


async def test_the_answer_to_head_has_no_body() -> None:
    async with served(echo) as (_, pool, made):
        answer = await pool.request(Request("HEAD", "/", "a"))
        assert (answer.body, answer.headers.get("content-length")) == (b"", "5")
        assert (await pool.request(Request("GET", "/", "a"))).body == b"GET "
        assert len(made) == 2  # what reads the answer to HEAD can read no other
