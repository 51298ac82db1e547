"""The library, to be called: a service answers by its handlers, is found as long as it does, and leaves in order.

await mesh.serve("players", {"of": of}, environment="production")
"""

import inspect
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from socket import AF_INET
from typing import Any

import trio

from mesh.discovery import CannotRegister, Registration
from mesh.environment import ADDRESS, PORT, full_name, registry_of_the_environment
from mesh.failures import CallFailed, Status
from mesh.http.limits import Limits
from mesh.http.server import Server
from mesh.instances import Instance
from mesh.rpc import Call, http_handler, read_json
from mesh.service import Service, Stack

Handler = Callable[..., Awaitable[Any]]


async def serve(
    service: str,
    handlers: Mapping[str, Handler],
    *,
    registration: Registration | None = None,
    name: str = "",
    address: str = "",
    port: int = PORT,
    host: str | None = None,
    linger: float = 1.0,
    grace: float = 10.0,
    stack: Stack[Call, bytes] = Stack(),  # noqa: B008 - frozen
    limits: Limits = Limits(),  # noqa: B008 - frozen
    task_status: trio.TaskStatus[Instance] = trio.TASK_STATUS_IGNORED,
    **attributes: str,
) -> None:
    """Answer calls by `handlers`, and be found with `attributes`, until cancelled; then end in order.

    A handler gets the arguments by name, and returns anything that JSON can say. The order of the end: out of the
    registry; on with the work for `linger` seconds, until everybody has heard; whoever waits gets an answer, for at
    most `grace` seconds. `address` is what others call it by; the environment's `MESH_ADDRESS` if nothing is said.
    `stack` are layers that every call passes before its handler.
    """
    registration = registration or registry_of_the_environment()
    address = address or os.environ.get(ADDRESS, "127.0.0.1")
    server = Server(http_handler(stack.over(_dispatch(service, handlers))), limits)
    listeners = await trio.open_tcp_listeners(port, host=host)
    bound = next(one.socket.getsockname()[1] for one in listeners if host or one.socket.family == AF_INET)
    instance = Instance(service, name or f"{address}:{bound}", address, bound, attributes)
    failure = None
    async with trio.open_nursery() as nursery:
        leaving = trio.Event()
        nursery.start_soon(_serve_until, leaving, server, listeners, linger, grace)
        try:
            async with registration.registered(instance):
                task_status.started(instance)
                await trio.sleep_forever()
        except CannotRegister as error:  # comes out of here as it is, in no group
            failure = error
        finally:
            leaving.set()
    if failure:
        raise failure


async def _serve_until(
    leaving: trio.Event, server: Server, listeners: list[trio.SocketListener], linger: float, grace: float
) -> None:
    """Serve until `leaving`, and then to the end, in order: being cancelled is a reason to leave, and no end."""
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, server.serve, listeners)
            await leaving.wait()
            await trio.sleep(linger)
            with trio.move_on_after(grace):
                await server.drain()
            nursery.cancel_scope.cancel()


def _dispatch(service: str, handlers: Mapping[str, Handler]) -> Service[Call, bytes]:
    """Calls to the handlers, by name; whatever does not fit is the caller's mistake."""

    async def answer(call: Call) -> bytes:
        handler = handlers.get(call.method) if call.service == full_name(service) else None
        if handler is None:
            raise CallFailed(Status.UNIMPLEMENTED, f"there is no {call.path} here", maybe_done=False)
        arguments = read_json(call.body)
        try:
            inspect.signature(handler).bind(**arguments)
        except TypeError as error:
            raise CallFailed(Status.INVALID_ARGUMENT, str(error), maybe_done=False) from None
        return json.dumps(await handler(**arguments), ensure_ascii=False).encode()

    return answer
