"""players: instances of it. Each says where it is, renews its lease, and answers who plays for a team.

Argument `instances`: for each its `name`, `port` and `attributes`, how many seconds an answer `takes`, and how often it
renews.
"""

from contextlib import suppress
from functools import partial

import trio
from business import players_of

from mesh.discovery import CannotRegister
from mesh.discovery.registry.client import RegistryClient
from mesh.http.server import serve
from mesh.instances import Instance
from mesh.rpc import http_handler, json_call, read_json

PATIENCE = 0.5
"""Seconds; also for the farewell, when this program is told to end."""


async def main(host):
    await trio.sleep(host.arguments["begin"])
    async with trio.open_nursery() as nursery:
        for told in host.arguments["instances"]:
            handler = http_handler(partial(answer, told["takes"]))
            nursery.start_soon(partial(serve, handler, told["port"], host="0.0.0.0"))
            if "registry" in host.arguments:
                nursery.start_soon(stay_registered, host, told)


async def answer(takes, call):
    """Say who plays for a team, after a while."""
    await trio.sleep(takes)
    return json_call("", "", players_of(read_json(call.body)["team"])).body


async def stay_registered(host, told):
    """Be registered as long as this program lives; wait for a registry that is not there yet."""
    address = host.names[host.name][0]
    instance = Instance("players", told["name"], address, told["port"], told["attributes"])
    registry = RegistryClient.at(
        *host.arguments["registry"], renew_every=told["renews_every"], patience=PATIENCE, randomness=host.random
    )
    while True:
        with suppress(CannotRegister):
            async with registry.registered(instance):
                await trio.sleep_forever()
        await trio.sleep(0.5)
