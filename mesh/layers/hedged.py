"""Hedging as a layer: ask a second time when an answer takes unusually long, and take whichever comes first."""

from collections.abc import Callable

import trio

from mesh.policies.hedging import Hedging
from mesh.service import Layer, Req, Res, Service


def hedged(policy: Hedging, *, is_idempotent: Callable[[Req], bool]) -> Layer[Req, Res]:
    """Hedge calls that may be made twice. The slower one is cancelled; if both fail, the first failure counts."""

    def layer(service: Service[Req, Res]) -> Service[Req, Res]:
        async def call(request: Req) -> Res:
            began = trio.current_time()
            wait = policy.wait()
            if wait is None or not is_idempotent(request):
                response = await service(request)
            else:
                response = await _first_of_two(service, request, wait, policy)
            policy.answered(trio.current_time() - began)
            return response

        return call

    return layer


async def _first_of_two(service: Service[Req, Res], request: Req, wait: float, policy: Hedging) -> Res:
    answers: list[Res] = []
    failures: list[Exception] = []

    async with trio.open_nursery() as nursery:

        async def ask() -> None:
            try:
                answers.append(await service(request))
            except Exception as failure:
                failures.append(failure)
                if len(failures) < asked:
                    return
            nursery.cancel_scope.cancel()

        asked = 1
        nursery.start_soon(ask)
        await trio.sleep(wait)
        if policy.may_hedge():
            asked = 2
            nursery.start_soon(ask)
    if answers:
        return answers[0]
    raise failures[0]
