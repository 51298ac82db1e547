"""teams, on your stack: it asks instances of players that are listed, by calls that may be made twice.

Whoever asks at the port `counts` hears what your statistics have counted.
"""

import json

import trio
from moving import moved
from parts import parts, settings
from people import ask_for_people
from stack import client_stack
from where import listed

from mesh.endpoints import Endpoints, build
from mesh.rpc import http_endpoint, json_call, read_json
from mesh.telemetry.metrics import Calls


async def main(host):
    terms, calls = host.arguments, Calls()
    stack = client_stack("players", parts(host), settings(host), calls=calls, randomness=host.random)
    for change in terms.get("changes", []):
        stack = moved(stack, *change)
    print("\n".join(f"{named.role:<11} {named.why}" for named in stack))
    send = build(stack, Endpoints(listed("players", terms["players"]), http_endpoint))

    async def ask(team):
        key = team if terms.get("keys", True) else ""
        return read_json(await send(json_call("players.Players", "of", {"team": team}, key=key)))

    async with trio.open_nursery() as nursery:
        if "counts" in host.apps:
            nursery.start_soon(tell_counts, host.apps["counts"], calls)
        await ask_for_people(host, ask)


async def tell_counts(port, calls):
    """Say how many calls there were, and how they ended."""
    async for _ in port:
        ended = {status: count for (_, status), count in calls.responses.items()}
        port.send_nowait(json.dumps({"requests": calls.requests, "ended": ended}).encode())
