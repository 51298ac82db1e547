"""What becomes of calls to one endpoint is told to whoever judges its health, and a balancer asks there.

Judging stands above the timeout, for a call that takes too long must count, and below the choice of an endpoint, for it
is one endpoint that is judged. It never refuses: whether an endpoint that looks bad is used all the same is for the
balancer to say, which alone knows whether there is a better one.
"""

from collections.abc import Callable, Collection, Hashable
from typing import Protocol

import trio

from mesh.failures import CallFailed, Unreachable
from mesh.service import Layer, Req, Res, Service


class Judge(Protocol):
    """Who judges endpoints by what their calls come to. `policies.accrual.Accruals`, `policies.outlier`."""

    def set_endpoints(self, endpoints: Collection[Hashable]) -> None: ...
    def is_available(self, endpoint: Hashable, *, now: float) -> bool: ...
    def begin(self, endpoint: Hashable, *, now: float) -> None: ...
    def succeeded(self, endpoint: Hashable, *, now: float) -> None: ...
    def failed(self, endpoint: Hashable, *, now: float) -> None: ...
    def unreachable(self, endpoint: Hashable, *, now: float) -> None: ...
    def ignored(self, endpoint: Hashable, *, now: float) -> None: ...


def available(*judges: Judge) -> Callable[[Hashable], bool]:
    """What a balancer asks of an endpoint: whether no judge is against it at this moment."""
    return lambda endpoint: all(judge.is_available(endpoint, now=trio.current_time()) for judge in judges)


def judged(judge: Judge, endpoint: Hashable) -> Layer[Req, Res]:
    """Tell `judge` of each call to `endpoint`: that it begins, and how it ends."""

    def layer(service: Service[Req, Res]) -> Service[Req, Res]:
        async def call(request: Req) -> Res:
            judge.begin(endpoint, now=trio.current_time())
            tell = judge.ignored  # of a call that is cancelled, or that the caller got wrong
            try:
                response = await service(request)
                tell = judge.succeeded
                return response
            except CallFailed as failure:
                if failure.blames_the_callee:
                    tell = judge.unreachable if isinstance(failure, Unreachable) else judge.failed
                raise
            finally:
                tell(endpoint, now=trio.current_time())

        return call

    return layer
