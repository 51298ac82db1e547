"""players: instances of it. Each says where it is, renews its lease, and answers who plays for a team.

Argument `instances`: for each its `name`, `port`, `attributes`, and how many seconds an answer `takes`.
"""

from contextlib import suppress
from functools import partial

import trio
from asking import Lines
from business import players_of
from travelling import to_json

from mesh.failures import CallFailed, Status
from mesh.http.server import serve
from mesh.instances import Instance
from mesh.rpc import http_handler, json_call, read_json


async def main(host):
    await trio.sleep(host.arguments.get("begin", 0.0))
    async with trio.open_nursery() as nursery:
        for told in host.arguments["instances"]:
            handler = http_handler(partial(answer, told.get("takes", 0.0)))
            nursery.start_soon(partial(serve, handler, told["port"], host="0.0.0.0"))
            if "registry" in host.arguments:
                nursery.start_soon(stay_registered, host, told)


async def answer(takes, call):
    await trio.sleep(takes)
    return json_call("", "", players_of(read_json(call.body)["team"])).body


async def stay_registered(host, told):
    """Register, and renew the lease; whoever is unknown to the registry registers again."""
    lines, registry = Lines(), (host.arguments["registry"], host.arguments["registry_port"])
    address = host.names[host.name][0]
    instance = Instance("players", told["name"], address, told["port"], told.get("attributes", {}))
    name = {"service": instance.service, "name": instance.name}
    method, arguments = "register", to_json(instance)
    while True:
        with suppress(trio.TooSlowError):
            try:
                with trio.fail_after(host.arguments.get("patience", 1.0)):
                    await lines.call(registry, f"registry.Registry/{method}", arguments)
                method, arguments = "renew", name
            except CallFailed as failure:
                if failure.status is Status.NOT_FOUND:
                    method, arguments = "register", to_json(instance)
                    continue
        await trio.sleep(told.get("renews_every", 30.0))
