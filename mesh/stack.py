"""The client's stack: which role stands where, and why.

A call falls through the roles from the top, and its answer rises. In the midst stands the *balancer*: what is above it
is there once for the client, so that all calls pay into one budget and are counted by one breaker; what is below it is
there once for each instance. Each role's `why` says what would go wrong in its neighbour's place.

The order is Finagle's (`StackClient`), as far as it has these roles: instead of a breaker for a service Finagle lets
each of its endpoints look dead.
"""

import random
from typing import Any

from mesh.endpoints import accrual, balancing, for_each
from mesh.layers import breaking, deadline, retries, statistics
from mesh.parts import Parts, Settings
from mesh.rpc import has_key
from mesh.service import Stack
from mesh.telemetry.metrics import Calls


def client_stack(
    service: str, parts: Parts, settings: Settings, *, calls: Calls, randomness: random.Random
) -> Stack[Any, Any]:
    """The roles of a client of `service`, outermost first; `calls` is its account."""
    return (
        Stack[Any, Any]()
        .push(
            "statistics",
            statistics(calls),
            why="on top: they count what the caller gets, and too late or refused is what one most wants to see",
        )
        .push(
            "deadline",
            deadline(settings.deadline),
            why="above the retries: all tries together take no longer than the caller can wait",
        )
        .push(
            "retries",
            retries(parts.budget(), randomness=randomness, is_idempotent=has_key, tries=settings.tries),
            why="above the balancer: each try picks again, and need not meet the same trouble",
        )
        .push(
            "breaker",
            breaking(parts.breaker(service)),
            why="below the retries, for it must see each try; above the balancer, for it guards the whole service",
        )
        .push(
            "balancer",
            balancing(lambda is_available: parts.balancer(randomness, is_available)),
            why="what is above is there once, what is below once for each instance",
        )
        .push(
            "accrual",
            accrual(parts.judge(randomness)),
            why="above the timeout, for it must see what takes too long; below the balancer: it judges one instance",
        )
        .push(
            "timeout",
            for_each(lambda instance: deadline(settings.timeout)),
            why="next to the instance: one try takes no longer than this, so that there is time for another",
        )
    )
