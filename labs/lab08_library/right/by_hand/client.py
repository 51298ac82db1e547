"""A client as a class that is entered and left by hand."""

import json
import random

import trio

from mesh.endpoints import Endpoints, build
from mesh.parts import Settings
from mesh.rpc import Call, http_endpoint
from mesh.telemetry.metrics import Calls


def client(service, *, discovery, parts, settings=None, stack=None, connect=http_endpoint, **query):
    return Client(service, discovery.watch(service, query), parts, settings or Settings(), stack, connect)


class Client:
    def __init__(self, service, watch, parts, settings, change, connect):
        self.service, self.watch, self.connect = service, watch, connect
        stack = parts.stack(service, parts, settings, calls=Calls(), randomness=random.Random())
        self.stack = change(stack) if change else stack
        self.endpoints = []

    async def __aenter__(self):
        found = await self.watch.__aenter__()
        self.send = build(self.stack, Endpoints(found, self.remembered))
        return self

    async def __aexit__(self, *error):
        try:
            with trio.CancelScope(shield=True):
                for endpoint in self.endpoints:
                    await endpoint.aclose()
        finally:
            await self.watch.__aexit__(*error)

    def remembered(self, instance):
        self.endpoints.append(self.connect(instance))
        return self.endpoints[-1]

    async def call(self, method, arguments, *, key=""):
        name = f"{self.service}.{self.service.capitalize()}"
        body = json.dumps(arguments).encode()
        return json.loads(await self.send(Call(name, method, body, key)))
