"""The library, to call: a client is made once for a service, and used for all calls.

    async with mesh.client("players", environment="production") as players:
        answer = await players.call("of", {"team": "Reds"})

It knows the instances that fit, keeps connections to them, and remembers how they behave. What happens to a call on its
way is a stack of named roles (`mesh.stack`), made of `Parts` that anybody may replace. Where instances are says a
`Discovery`; by default the registry that the environment's `MESH_REGISTRY` names, as host:port.

Prior art: Finagle. Its three prices, of which the course measures each: whoever wants all this has to call it, in its
language, and everybody in the same version.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import trio

from mesh.discovery import Discovery, Found
from mesh.endpoints import Endpoints, build
from mesh.environment import full_name, registry_of_the_environment
from mesh.failures import CallFailed, Status
from mesh.instances import Instance
from mesh.layers.balanced import Endpoint
from mesh.parts import OURS, Parts, Settings
from mesh.rpc import Call, http_endpoint, json_call, read_json
from mesh.service import Service, Stack
from mesh.telemetry.metrics import Calls

Change = Callable[[Stack[Any, Any]], Stack[Any, Any]]


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
        with trio.CancelScope(shield=True):  # it waits for nobody, and is to be done even by who is cancelled
            for close in self.opened:
                await close()
