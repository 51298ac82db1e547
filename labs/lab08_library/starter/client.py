"""A client: made once for a service, and used for all its calls.

So far everything is made anew for each call. The handout, step 2, says what to write.
"""

import random
from contextlib import asynccontextmanager

from mesh.discovery import Discovery
from mesh.endpoints import Endpoints, build
from mesh.failures import CallFailed, Status
from mesh.parts import Parts, Settings
from mesh.rpc import http_endpoint, json_call, read_json
from mesh.telemetry.metrics import Calls


class Client:
    """A way to a service."""

    def __init__(self, service: str, discovery: Discovery, parts: Parts, settings: Settings) -> None:
        self._service = service
        self._discovery = discovery
        self._parts = parts
        self._settings = settings

    async def call(self, method: str, arguments: object, *, key: str = "") -> object:
        """Ask for `method`, and return what it answers; raises `CallFailed`."""
        async with self._discovery.watch(self._service) as found:
            stack = self._parts.stack(
                self._service, self._parts, self._settings, calls=Calls(), randomness=random.Random()
            )
            send = build(stack, Endpoints(found, http_endpoint))
            return read_json(await send(json_call("players.Players", method, arguments, key=key)))


@asynccontextmanager
async def client(
    service: str,
    *,
    discovery: Discovery,
    parts: Parts,
    settings: Settings,
    stack=lambda stack: stack,
    connect=http_endpoint,
    **query: str,
):
    """A client of the instances of `service` that fit the `query`."""
    yield Client(service, discovery, parts, settings)
