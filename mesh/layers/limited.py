"""Limits as layers: so many at a time, so many a second; whoever exceeds them is told at once."""

from collections import deque

import trio

from mesh.failures import Rejected, Status
from mesh.policies.limits import Bulkhead, RateLimit, Shedding
from mesh.service import Layer, Req, Res, Service


def bulkhead(policy: Bulkhead) -> Layer[Req, Res]:
    """Let so many calls through at a time, let so many wait, in order, and refuse the rest."""
    turns: deque[trio.Event] = deque()

    async def enter() -> None:
        if not turns and policy.enter():
            return
        if not policy.queue():
            raise Rejected("bulkhead", Status.RESOURCE_EXHAUSTED)
        turn = trio.Event()
        turns.append(turn)
        try:
            await turn.wait()
        except trio.Cancelled:
            if turn.is_set():
                leave()
            else:
                turns.remove(turn)
            raise
        finally:
            policy.leave_queue()

    def leave() -> None:
        policy.leave()
        if turns and policy.enter():
            turns.popleft().set()

    def layer(service: Service[Req, Res]) -> Service[Req, Res]:
        async def call(request: Req) -> Res:
            await enter()
            try:
                return await service(request)
            finally:
                leave()

        return call

    return layer


def rate_limit(policy: RateLimit) -> Layer[Req, Res]:
    """Let so many calls a second through, and refuse the rest."""

    def layer(service: Service[Req, Res]) -> Service[Req, Res]:
        async def call(request: Req) -> Res:
            if not policy.allow(now=trio.current_time()):
                raise Rejected("rate limit", Status.RESOURCE_EXHAUSTED)
            return await service(request)

        return call

    return layer


def shedding(policy: Shedding, *, most: int) -> Layer[Req, Res]:
    """For a server: do `most` at a time, let the rest wait in order, and refuse whoever has waited for too long."""
    places = trio.Semaphore(most)

    async def enter() -> None:
        waiting = places.statistics().tasks_waiting
        with trio.move_on_after(policy.patience(waiting, now=trio.current_time())) as scope:
            await places.acquire()
        if scope.cancelled_caught:
            raise Rejected("queue", Status.RESOURCE_EXHAUSTED, "there is more to do than can be done")

    def layer(service: Service[Req, Res]) -> Service[Req, Res]:
        async def call(request: Req) -> Res:
            await enter()
            try:
                return await service(request)
            finally:
                places.release()

        return call

    return layer
