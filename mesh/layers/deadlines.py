"""A call takes so long, and no longer. Within a caller's own scope the earlier deadline holds, by trio's rules."""

import trio

from mesh.failures import CallFailed, Status
from mesh.service import Layer, Req, Res, Service


def deadline(seconds: float) -> Layer[Req, Res]:
    """Give every call `seconds`; then it fails with DEADLINE_EXCEEDED. It may have been done all the same.

    Where a scope of the caller's ends sooner, the call is cancelled by that, and has not failed.
    """

    def layer(service: Service[Req, Res]) -> Service[Req, Res]:
        async def call(request: Req) -> Res:
            with trio.move_on_after(seconds):
                return await service(request)
            raise CallFailed(Status.DEADLINE_EXCEEDED, f"no answer within {seconds:g} s")

        return call

    return layer
