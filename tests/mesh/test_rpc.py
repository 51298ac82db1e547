"""The standard call, both ways; deadlines and identities across hops; and gRPC's own library at either end."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent import futures
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from mesh import rpc
from mesh.failures import CallFailed, Status
from mesh.http import http2
from mesh.http.client import Pool
from mesh.http.server import Server
from mesh.layers import deadline
from mesh.rpc import Call, json_call, read_json

Handler = Callable[[Call], Awaitable[bytes]]


async def players(call: Call) -> bytes:
    """Answers a few things, and fails in a few ways."""
    match call.method:
        case "echo":
            return call.body
        case "slow":
            await trio.sleep(10)
        case "key":
            return call.key.encode()
        case "left":
            return str(trio.current_effective_deadline() - trio.current_time()).encode()
        case "broken":
            raise RuntimeError("a secret")
        case _:
            raise CallFailed(Status.NOT_FOUND, "keine Spieler: 雪豹 100 %")
    return b""


@asynccontextmanager
async def over_json(handler: Handler) -> AsyncIterator[Handler]:
    server = Server(rpc.http_handler(handler))
    async with trio.open_nursery() as nursery:

        async def connect() -> trio.abc.Stream:
            near, far = trio.testing.memory_stream_pair()
            nursery.start_soon(server.serve, far)
            return near

        yield rpc.over_http(Pool(connect=connect).request, "players")
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def over_grpc(handler: Handler) -> AsyncIterator[Handler]:
    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(http2.serve, far, rpc.grpc_handler(handler))
        async with http2.connected(near) as client:
            yield rpc.over_grpc(client.request, "players")
        nursery.cancel_scope.cancel()


ways = pytest.mark.parametrize("way", [over_json, over_grpc], ids=["json", "grpc"])


@ways
async def test_an_answer(way: Callable[[Handler], object]) -> None:
    async with way(players) as call:  # type: ignore[attr-defined]
        answer = await call(json_call("players.Players", "echo", {"team": "雪豹"}))
        assert read_json(answer) == {"team": "雪豹"}


@ways
async def test_a_reason(way: Callable[[Handler], object]) -> None:
    async with way(players) as call:  # type: ignore[attr-defined]
        with pytest.raises(CallFailed) as failed:
            await call(Call("players.Players", "nothing"))
        assert (failed.value.status, failed.value.text) == (Status.NOT_FOUND, "keine Spieler: 雪豹 100 %")
        with pytest.raises(CallFailed) as failed:
            await call(Call("players.Players", "broken"))
        assert failed.value.status is Status.INTERNAL
        assert "secret" not in failed.value.text


@ways
async def test_time_that_is_left_and_the_call_s_identity_travel(way: Callable[[Handler], object]) -> None:
    async with way(players) as call:  # type: ignore[attr-defined]
        assert await call(Call("players.Players", "key", key="k1")) == b"k1"
        with trio.move_on_after(3):
            await trio.sleep(1)
            assert float(await call(Call("players.Players", "left"))) == pytest.approx(2, abs=1e-3)
        with trio.move_on_after(1) as scope:
            await call(Call("players.Players", "slow"))
        assert scope.cancelled_caught
        assert await call(Call("players.Players", "echo", b"still here")) == b"still here"


@ways
async def test_a_deadline_crosses_three_hops(way: Callable[[Handler], object]) -> None:
    """A caller gives three seconds. Each hop works for half a second first, and the last one for ever."""
    given_up: dict[str, float] = {}

    def hop(name: str, then: Handler) -> Handler:
        async def handler(call: Call) -> bytes:
            try:
                await trio.sleep(0.5)
                left = trio.current_effective_deadline() - trio.current_time()
                return f"{name} {left:.1f}, ".encode() + await then(call)
            except trio.Cancelled:
                given_up[name] = trio.current_time()
                raise

        return handler

    async def end(call: Call) -> bytes:
        await trio.sleep(float("inf") if call.method == "hang" else 0.5)
        return b"done"

    async with (
        way(hop("third", end)) as third,  # type: ignore[attr-defined]
        way(hop("second", third)) as second,  # type: ignore[attr-defined]
        way(hop("first", second)) as first,  # type: ignore[attr-defined]
    ):
        with trio.fail_after(3):
            answer = await first(Call("players.Players", "of"))
        assert answer == b"first 2.5, second 2.0, third 1.5, done"
        began = trio.current_time()
        with pytest.raises(CallFailed) as failed:
            await deadline(3)(first)(Call("players.Players", "hang"))
        assert failed.value.status is Status.DEADLINE_EXCEEDED
        await trio.testing.wait_all_tasks_blocked()
        assert set(given_up) == {"first", "second", "third"}
        assert [at - began for at in given_up.values()] == pytest.approx([3, 3, 3], abs=1e-3)


@ways
async def test_large_bodies_pass_all_windows(way: Callable[[Handler], object]) -> None:
    body = bytes(range(256)) * 4096
    async with way(players) as call:  # type: ignore[attr-defined]
        assert await call(Call("players.Players", "echo", body)) == body


async def test_many_calls_at_a_time_on_one_connection_of_http2() -> None:
    async with over_grpc(players) as call:
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(call, Call("players.Players", "slow"))
        assert trio.current_time() == pytest.approx(10)


@given(st.binary(max_size=50))
def test_any_bytes_are_a_message_or_fail_in_one_way(data: bytes) -> None:
    try:
        assert rpc.build_message(rpc.parse_message(data)) == data
    except CallFailed:
        pass


def in_real_time(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        with trio.fail_after(20):
            await test()

    trio.run(bounded)


def test_grpc_s_own_client_calls_our_server() -> None:
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed")

    async def test() -> None:
        async with trio.open_nursery() as nursery:

            async def serve(stream: trio.abc.Stream) -> None:
                await http2.serve(stream, rpc.grpc_handler(players))

            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, serve, listeners)
            port = listeners[0].socket.getsockname()[1]

            def ask() -> tuple[bytes, object, str]:
                with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                    call = channel.unary_unary("/players.Players/echo")
                    answer = call(b"x" * 100_000, timeout=10)
                    try:
                        channel.unary_unary("/players.Players/nothing")(b"", timeout=10)
                    except grpc.RpcError as error:
                        return answer, error.code(), error.details()
                raise AssertionError("no failure")

            answer, code, details = await trio.to_thread.run_sync(ask)
            assert answer == b"x" * 100_000
            assert code is grpc.StatusCode.NOT_FOUND
            assert details == "keine Spieler: 雪豹 100 %"
            nursery.cancel_scope.cancel()

    in_real_time(test)


def test_our_client_calls_grpc_s_own_server() -> None:
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed")
    seen: list[float] = []

    class Handlers(grpc.GenericRpcHandler):  # type: ignore[misc,name-defined]
        def service(self, details: object) -> object:
            def echo(request: bytes, context: object) -> bytes:
                seen.append(context.time_remaining())  # type: ignore[attr-defined]
                if request == b"fail":
                    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "nein: ü")  # type: ignore[attr-defined]
                return request

            return grpc.unary_unary_rpc_method_handler(echo)

    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Handlers()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    async def test() -> None:
        async with http2.connected(await trio.open_tcp_stream("127.0.0.1", port)) as client:
            call = rpc.over_grpc(client.request, f"127.0.0.1:{port}")
            with trio.fail_after(7):
                assert await call(Call("a.B", "c", b"y" * 100_000)) == b"y" * 100_000
                with pytest.raises(CallFailed) as failed:
                    await call(Call("a.B", "c", b"fail"))
            assert (failed.value.status, failed.value.text) == (Status.FAILED_PRECONDITION, "nein: ü")
        assert 5 < seen[0] <= 7

    try:
        in_real_time(test)
    finally:
        stopped: threading.Event = server.stop(None)
        stopped.wait(5)
