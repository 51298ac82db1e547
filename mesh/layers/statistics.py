"""Statistics as a layer: each call is counted when it begins, and its response when that is there.

A call that its caller gave up has no response: what hangs shows as requests that are more than the responses.
"""

import trio

from mesh.failures import CallFailed, Status
from mesh.service import Layer, Req, Res, Service
from mesh.telemetry.metrics import Calls


def statistics(calls: Calls) -> Layer[Req, Res]:
    """Count in `calls`. Above the timeout: what took too long is what one most wants to see."""

    def layer(service: Service[Req, Res]) -> Service[Req, Res]:
        async def call(request: Req) -> Res:
            calls.begin()
            began = trio.current_time()
            try:
                response = await service(request)
            except CallFailed as failure:
                took = trio.current_time() - began
                calls.end(took, good=not failure.blames_the_callee, status=failure.status.name)
                raise
            calls.end(trio.current_time() - began, good=True, status=Status.OK.name)
            return response

        return call

    return layer
