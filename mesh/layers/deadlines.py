"""A call takes so long, and no longer. Within a caller's own scope the earlier deadline holds, by trio's rules."""

import trio

from mesh.failures import CallFailed, Status
from mesh.service import Layer, Request, Response, Service


def deadline(seconds: float) -> Layer[Request, Response]:
    """Give every call `seconds`; then it fails with DEADLINE_EXCEEDED. It may have been done all the same.

    Where a scope of the caller's ends sooner, the call is cancelled by that, and has not failed.
    """

    def layer(service: Service[Request, Response]) -> Service[Request, Response]:
        async def call(request: Request) -> Response:
            with trio.move_on_after(seconds):
                return await service(request)
            raise CallFailed(Status.DEADLINE_EXCEEDED, f"no answer within {seconds:g} s")

        return call

    return layer
