"""The breaker as a layer: it asks before each call, and says afterwards what came of it, whatever came of it.

A deadline *above* it cancels a call that takes too long, which counts for nothing: for a service that hangs to open the
circuit, another deadline must stand *below* the breaker.
"""

from typing import Protocol

import trio

from mesh.failures import CallFailed, Rejected, Status
from mesh.service import Layer, Req, Res, Service


class Circuit(Protocol):
    """What this layer asks of a breaker, `policies.breaker.Breaker` or anybody's. Times are seconds."""

    name: str

    def may_pass(self, *, now: float) -> bool: ...
    def succeeded(self, *, now: float) -> None: ...
    def failed(self, *, now: float) -> None: ...
    def abandoned(self, *, now: float) -> None: ...


def breaking(breaker: Circuit) -> Layer[Req, Res]:
    """Fail at once while the circuit is open. One breaker for all calls to one target."""

    def layer(service: Service[Req, Res]) -> Service[Req, Res]:
        async def call(request: Req) -> Res:
            if not breaker.may_pass(now=trio.current_time()):
                raise Rejected("breaker", text=f"the circuit to {breaker.name or 'the service'} is open")
            tell = breaker.abandoned  # of a call that is cancelled: a probe that never ends would keep all others out
            try:
                response = await service(request)
                tell = breaker.succeeded
                return response
            except CallFailed as failure:
                # Hystrix: whom a bulkhead below has refused counts like a failure; the service hangs, or is too slow.
                counts = failure.blames_the_callee or failure.status is Status.RESOURCE_EXHAUSTED
                tell = breaker.failed if counts else breaker.abandoned
                raise
            finally:
                tell(now=trio.current_time())

        return call

    return layer
