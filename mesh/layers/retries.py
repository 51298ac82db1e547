"""Try again: what failed by chance, what may be done twice, and as long as the budget lasts.

Retries stand above the choice of an endpoint, so that each try may go elsewhere; and above the breaker, which must see
each try. Below a deadline: a retry does not get more time than the caller has; and above another one, for each try.

What is tried again: a failure that blames the other side, if the call was not done (`maybe_done` is false) or may be
done twice (`is_idempotent`).
"""

import random
from collections.abc import Callable
from typing import Protocol

import trio

from mesh.failures import CallFailed, Rejected
from mesh.policies.backoff import ENVOY, Backoff
from mesh.service import Layer, Req, Res, Service


class Budget(Protocol):
    """What this layer asks of a retry budget, `policies.budget.RetryBudget` or anybody's. Times are seconds."""

    def request(self, *, now: float) -> None: ...
    def may_retry(self, *, now: float) -> bool: ...


def retries(
    budget: Budget,
    *,
    randomness: random.Random,
    is_idempotent: Callable[[Req], bool],
    tries: int = 3,
    backoff: Backoff = ENVOY,
) -> Layer[Req, Res]:
    """Make each call up to `tries` times in all. One budget for all calls of a client."""

    def may_repeat(request: Req, failure: CallFailed) -> bool:
        # To try again what a layer of our own has just refused would only ask it the same question.
        if isinstance(failure, Rejected) or not failure.blames_the_callee:
            return False
        return not failure.maybe_done or is_idempotent(request)

    def layer(service: Service[Req, Res]) -> Service[Req, Res]:
        async def call(request: Req) -> Res:
            budget.request(now=trio.current_time())
            made = 1
            while True:
                try:
                    return await service(request)
                except CallFailed as failure:
                    now = trio.current_time()
                    if made >= tries or not may_repeat(request, failure) or not budget.may_retry(now=now):
                        raise
                await trio.sleep(backoff.wait(made, randomness=randomness))
                made += 1

        return call

    return layer
