"""The library: what a service imports to call others, and to be called.

    async with mesh.client("players", environment="production") as players:
        answer = await players.call("of", {"team": "Reds"})

    await mesh.serve("players", {"of": of}, environment="production")

A client is made once for a service, and used for all calls: it knows the instances, keeps connections to them, and
remembers how they behave. What happens to a call on its way is a stack of named roles (`mesh.stack`), made of `Parts`
that anybody may replace. Where instances are says a `Discovery`; by default the registry that the environment's
`MESH_REGISTRY` names, as host:port.

Prior art: Finagle. Its three prices, of which the course measures each: whoever wants all this has to call it, in its
language, and everybody in the same version.
"""

import importlib
import inspect
import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from socket import AF_INET
from typing import Any

import trio

from mesh.discovery import CannotRegister, Discovery, Found, Registration
from mesh.endpoints import Endpoints, build
from mesh.failures import CallFailed, Status
from mesh.http.limits import Limits
from mesh.http.server import Server
from mesh.instances import Instance
from mesh.layers.balanced import Endpoint
from mesh.parts import OURS, Parts, Settings
from mesh.rpc import Call, http_endpoint, http_handler, json_call, read_json
from mesh.service import Service, Stack
from mesh.telemetry.metrics import Calls

REGISTRY = "MESH_REGISTRY"
ADDRESS = "MESH_ADDRESS"
PORT = 8080
"""Where services listen if nobody says anything else."""

Change = Callable[[Stack[Any, Any]], Stack[Any, Any]]
Handler = Callable[..., Awaitable[Any]]


class NoRegistry(Exception):
    """Nobody has said where the registry is."""


def registry_of_the_environment() -> Any:
    """The registry that `MESH_REGISTRY` names, both a `Discovery` and a `Registration`; raises `NoRegistry`."""
    host, _, port = os.environ.get(REGISTRY, "").rpartition(":")
    if not host or not port.isdigit():
        raise NoRegistry(f"set {REGISTRY} to the registry's host:port, or hand in who knows where instances are")
    return importlib.import_module("mesh.discovery.registry").RegistryClient.at(host, int(port))


def full_name(service: str) -> str:
    """What a service is called on the wire: `players.Players`, as in gRPC a package and what is in it."""
    return f"{service}.{service.capitalize()}"


# To call


@dataclass(frozen=True, slots=True)
class Client:
    """A way to a service: which roles its calls pass, where they may go, and how many there were."""

    service: str
    stack: Stack[Any, Any]
    found: Found
    calls: Calls
    _send: Service[Call, bytes]

    async def call(self, method: str, arguments: Mapping[str, object] = {}, *, key: str = "") -> Any:
        """Ask for `method`, and return what it answers; raises `CallFailed`.

        With a `key`, which no other call has, it may be made a second time although it was perhaps done.
        """
        answer = await self._send(json_call(full_name(self.service), method, dict(arguments), key=key))
        try:
            return read_json(answer)
        except CallFailed as failure:
            raise CallFailed(Status.INTERNAL, f"the answer is {failure.text}") from None


@asynccontextmanager
async def client(
    service: str,
    *,
    discovery: Discovery | None = None,
    parts: Parts = OURS,
    settings: Settings = Settings(),  # noqa: B008 - frozen
    stack: Change = lambda stack: stack,
    connect: Callable[[Instance], Endpoint[Call, bytes]] = http_endpoint,
    **query: str,
) -> AsyncIterator[Client]:
    """A client of the instances of `service` that have all attributes of the `query`.

    `stack` gets the stack of roles and may return another. Raises `CannotDiscover`, `NoRegistry`; `NoSuchRole`.
    """
    randomness = random.Random(random.getrandbits(64))
    discovery = discovery or registry_of_the_environment()
    async with discovery.watch(service, query) as found:
        calls, ways = Calls(), _Ways(connect)
        roles = stack(parts.stack(service, parts, settings, calls=calls, randomness=randomness))
        try:
            yield Client(service, roles, found, calls, build(roles, Endpoints(found, ways.open)))
        finally:
            await ways.close_all()


@dataclass(slots=True)
class _Ways:
    """The endpoints that are open; what the balancer has not closed by the end is closed here."""

    connect: Callable[[Instance], Endpoint[Call, bytes]]
    opened: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def open(self, instance: Instance) -> Endpoint[Call, bytes]:
        endpoint = self.connect(instance)
        self.opened.append(endpoint.aclose)

        async def close() -> None:
            self.opened.remove(endpoint.aclose)
            await endpoint.aclose()

        return replace(endpoint, aclose=close)

    async def close_all(self) -> None:
        async with trio.open_nursery() as nursery:
            for close in self.opened:
                nursery.start_soon(close)


# To be called


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
