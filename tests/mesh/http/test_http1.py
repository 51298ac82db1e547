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
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd", 400, id="3 or 4"
        ),
        pytest.param(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3, 3\r\n\r\nabc", 400, id="3 and 3"),
        pytest.param(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +3\r\n\r\nabc", 400, id="plus 3"),
        pytest.param(b"GET / HTTP/1.1\nhost: a\n\n", 400, id="bare LF"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n", 400, id="one bare LF"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx: y\rz: w\r\n\r\n", 400, id="bare CR"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n", 400, id="a folded header"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx : y\r\n\r\n", 400, id="space before the colon"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n", 400, id="a zero"),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n", 501, id="a coding that is unknown"
        ),
        pytest.param(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 501, id="two codings"),
        pytest.param(
            b"POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="chunked in 1.0"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
            400,
            id="LF in chunks",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
            400,
            id="a vast chunk",
        ),
        pytest.param(b"CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n", 501, id="a tunnel"),
        pytest.param(b"GET / HTTP/2.0\r\nhost: a\r\n\r\n", 505, id="another version"),
    ],
)
def test_what_a_server_refuses(data: bytes, status: int) -> None:
    with pytest.raises(HttpError) as refused:
        RequestReader().feed(data)
    assert refused.value.status == status


def test_what_comes_behind_a_body_is_no_header() -> None:
    body = b"3\r\nabc\r\n0\r\nhost: evil\r\nx: y\r\n\r\n"
    (request,) = RequestReader().feed(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + body)
    assert (request.authority, request.body) == ("a", b"abc")
    assert "x" not in request.headers
    assert request.trailers.get("x") == "y"


def test_good_requests_before_bad_bytes_count() -> None:
    reader = RequestReader()
    assert [each.target for each in reader.feed(b"GET /1 HTTP/1.1\r\nhost: a\r\n\r\nNONSENSE\r\n")] == ["/1"]
    with pytest.raises(HttpError):
        reader.feed(b"")


def test_many_small_requests_at_once_are_not_one_long_head() -> None:
    one = b"GET /1 HTTP/1.1\r\nhost: a\r\n\r\n"
    reader = RequestReader()
    assert len(reader.feed(one * 2000 + b"GET /2 HT")) == 2000
    assert [each.target for each in reader.feed(b"TP/1.1\r\nhost: a\r\n\r\n")] == ["/2"]


def test_a_target_may_say_whom_it_is_for() -> None:
    (request,) = RequestReader().feed(b"GET http://b:80/x?y HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (request.authority, request.target) == ("b:80", "/x?y")


def test_an_answer_that_never_ends_is_refused() -> None:
    with pytest.raises(HttpError, match="too long"):
        ResponseReader(Limits(body=100)).feed(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(101))
    reader = ResponseReader()
    reader.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc")
    with pytest.raises(HttpError, match="in the middle"):
        reader.feed_end()


LINES = (
    "GET / HTTP/1.1|POST /x HTTP/1.0|HTTP/1.1 200 OK|HTTP/1.1 204 No|host: a|content-length: 3|connection: close"
    "|upgrade: h2c|transfer-encoding: chunked|expect: 100-continue||3|abc|0|"
)
fragments = st.sampled_from(
    [line.encode() + b"\r\n" for line in LINES.split("|")] + [b"\n", b"\r", b" ", b"\xff", b"\0"]
)


def test_a_wish_to_change_the_protocol_is_ignored() -> None:
    reader = RequestReader()
    (request,) = reader.feed(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
    assert request.target == "/"
    assert not reader.keeps_alive


@given(st.lists(fragments | st.binary(max_size=5), max_size=25), st.lists(st.integers(0, 10_000), max_size=6))
def test_what_almost_is_http_raises_one_error_too(pieces: list[bytes], at: list[int]) -> None:
    for make in (RequestReader, ResponseReader):
        reader = make()
        with suppress(HttpError):
            for piece in cut(b"".join(pieces), at):
                reader.feed(piece)
            if isinstance(reader, ResponseReader):
                reader.feed_end()


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


async def test_a_head_that_drips_takes_no_longer_than_one_that_does_not() -> None:
    server = Server(echo)
    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve, far)

        async def drip() -> None:
            with suppress(trio.BrokenResourceError):
                while True:
                    await near.send_all(b"x")
                    await trio.sleep(3)

        await near.send_all(b"GET / HTTP/1.1\r\n")
        nursery.start_soon(drip)
        assert b"408" in await near.receive_some()
        assert trio.current_time() == pytest.approx(Limits().head_seconds)
        nursery.cancel_scope.cancel()


async def test_who_does_not_read_the_answer_is_left() -> None:
    async def vast(request: Request) -> Response:
        return Response(200, body=bytes(10_000_000))

    near, far = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Server(vast, Limits(send_seconds=7)).serve, far)
        await near.send_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert trio.current_time() == pytest.approx(7)


async def test_a_client_that_has_said_all_is_answered() -> None:
    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Server(echo).serve, far)
        await near.send_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi")
        await near.send_eof()
        data = b""
        while part := await near.receive_some():
            data += part
    assert data.endswith(b"POST hi")


async def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Server(echo).serve, far)
        await near.send_all(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert await near.receive_some() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await near.send_all(b"hi")
        assert (await near.receive_some()).endswith(b"POST hi")
        await near.aclose()


async def test_several_requests_at_once_are_answered_in_order_and_bad_bytes_behind_them_refused() -> None:
    near, far = trio.testing.memory_stream_pair()
    one = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Server(echo).serve, far)
        await near.send_all(one + b"1" + one + b"2" + b"NONSENSE\r\n\r\n")
        data = b""
        while part := await near.receive_some():
            data += part
        assert [data.count(word) for word in (b"200 OK", b"POST 1", b"POST 2", b"400 Bad Request")] == [2, 1, 1, 1]
        assert data.index(b"POST 1") < data.index(b"POST 2") < data.index(b"400")
        await near.aclose()


async def test_a_header_that_http_does_not_allow_is_the_handlers_failure() -> None:
    async def split(request: Request) -> Response:
        return Response(200, Headers.of(x="a\r\nset-cookie: evil"))

    async with served(split) as (_, pool, _made):
        assert (await pool.request(Request("GET", "/", "a"))).status == 500


async def test_an_answer_that_nobody_asked_for_goes_to_nobody() -> None:
    """A server that sends two answers to one request must not have the second one taken for the next request's."""
    streams: list[trio.abc.Stream] = []

    async def connect() -> trio.abc.Stream:
        near, far = trio.testing.memory_stream_pair()
        streams.append(far)
        await far.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % len(streams) * 2)
        return near

    pool = Pool(connect=connect)
    assert [(await pool.request(Request("GET", "/", "a"))).body for _ in range(2)] == [b"1", b"2"]


async def test_who_waits_for_a_place_hears_of_a_connection_that_failed() -> None:
    async def connect() -> trio.abc.Stream:
        await trio.sleep(0.5)
        raise OSError("refused")

    pool = Pool(connect=connect, most=1)
    failed = 0

    async def ask() -> None:
        nonlocal failed
        try:
            await pool.request(Request("GET", "/", "a"))
        except CannotConnect:
            failed += 1

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    assert (failed, trio.current_time()) == (3, pytest.approx(1.5))


async def test_a_pool_that_is_closed_by_who_is_cancelled_keeps_nothing() -> None:
    async with served(echo) as (_, pool, made):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(pool.request, Request("GET", "/", "a"))
        assert len(made) == 3
        with trio.CancelScope() as cancelled:
            cancelled.cancel()
            await pool.aclose()
        for stream in made:
            with pytest.raises(trio.ClosedResourceError):
                await stream.send_all(b"x")


async def test_a_closed_pool_keeps_nothing() -> None:
    async with served(echo) as (_, pool, made):
        await pool.request(Request("GET", "/", "a"))
        await pool.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await made[0].send_all(b"x")
        with pytest.raises(CannotConnect):
            await pool.request(Request("GET", "/", "a"))


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
