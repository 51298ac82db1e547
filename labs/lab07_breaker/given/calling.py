"""How one service calls another: one call over HTTP, and around it layers in their roles.

What a host's arguments do not name is left out: `tries`, `budget`, `breaker`, `bulkhead`, `timeout`. Your pieces are
asked for only where they are wanted.
"""

from dataclasses import replace
from functools import partial

import trio

from mesh.http.client import Pool
from mesh.layers.breaking import breaking
from mesh.layers.deadlines import deadline
from mesh.layers.limited import bulkhead
from mesh.layers.retries import retries
from mesh.policies.limits import Bulkhead
from mesh.rpc import Call, json_call, over_http
from mesh.service import Stack

PORT = 8080


def client(host, *, alert=lambda alert: None):
    """A service of calls to the host that the arguments call `to`, through all layers that they ask for."""
    wanted, stack = host.arguments, Stack()
    if "tries" in wanted:
        again = retries(_budget(wanted), randomness=host.random, is_idempotent=lambda call: True, tries=wanted["tries"])
        stack = stack.push("retries", again, why="above the breaker, which must see each try")
    if "breaker" in wanted:
        from breaker import Breaker

        guard = breaking(Breaker(name=wanted["to"], alert=alert, **wanted["breaker"]))
        stack = stack.push("breaker", guard, why="above the timeout, which is a failure too")
    if "bulkhead" in wanted:
        wall = bulkhead(Bulkhead(**wanted["bulkhead"]))
        stack = stack.push("bulkhead", wall, why="above the timeout: whoever waits has not begun")
    if "timeout" in wanted:
        stack = stack.push("timeout", deadline(wanted["timeout"]), why="next to the wire: for each try")
    pool = Pool(connect=partial(trio.open_tcp_stream, wanted["to"], PORT))
    send = pool.request if wanted.get("travels", True) else _without_deadline(pool.request)
    return stack.over(over_http(send, wanted["to"]))


def _budget(wanted):
    if "budget" not in wanted:
        return Endless()
    from budget import RetryBudget

    return RetryBudget(**wanted["budget"])


class Endless:
    """The budget of those who have none."""

    def request(self, *, now: float) -> None:
        """Nobody counts."""

    def may_retry(self, *, now: float) -> bool:
        """Always."""
        return True


def _without_deadline(send):
    async def sent(request):
        return await send(replace(request, headers=request.headers.without(["grpc-timeout"])))

    return sent


def question(to: str, team: str) -> Call:
    """The call that asks the service on host `to` who plays for `team`."""
    return json_call(f"{to}.{to.capitalize()}", "of", {"team": team})
