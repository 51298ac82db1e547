"""teams: who plays for this team? It asks players by the standard call, and each call has layers around it.

A question may take two seconds, one try half a second; up to four tries, as long as the budget lasts, and none while
the circuit is open. Each question has a key of its own, the same for all its tries, which makes it safe to try again.
"""

from functools import partial

import trio
from business import answer, apology, team_asked_about

from mesh.failures import CallFailed
from mesh.http.client import Pool
from mesh.layers import breaking, deadline, retries
from mesh.policies.backoff import Backoff
from mesh.policies.breaker import Breaker
from mesh.policies.budget import RetryBudget
from mesh.rpc import json_call, over_http, read_json
from mesh.service import Stack

BACKOFF = Backoff(first=0.1, most=1.0, jitter="equal")


async def main(host):
    players, port = host.arguments["players"], host.arguments["port"]
    pool = Pool(connect=partial(trio.open_tcp_stream, players, port))
    call = layers(host.random).over(over_http(pool.request, players))
    asked = 0
    async with trio.open_nursery() as nursery:
        async for question in host.app:
            asked += 1
            nursery.start_soon(find_out, host.app, call, team_asked_about(question), f"question-{asked}")


def layers(randomness):
    """What stands around each call, the outermost first."""
    again = retries(RetryBudget(), randomness=randomness, is_idempotent=has_key, tries=4, backoff=BACKOFF)
    breaker = Breaker(name="players", requests=10, window=2.0, sleep=1.0)
    return (
        Stack()
        .push("deadline", deadline(2.0), why="all tries together take no longer than people wait")
        .push("retries", again, why="above the breaker, which must see each try")
        .push("breaker", breaking(breaker), why="above the time for one try: to be too slow is to fail")
        .push("time for a try", deadline(0.5), why="next to the wire: it gives up a connection that does not answer")
    )


def has_key(call):
    return bool(call.key)


async def find_out(app, call, team, key):
    try:
        names = read_json(await call(json_call("players.Players", "of", {"team": team}, key=key)))
    except CallFailed:
        app.send_nowait(apology(team))
    else:
        app.send_nowait(answer(team, names))
