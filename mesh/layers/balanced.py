"""Calls to a service go to one of its instances: discovery says which there are, a balancer which of them is next.

To each instance leads an *endpoint*, built when the instance is first found and kept as long as it is there: its
connections, its timeout, its statistics, what is thought of its health. When the instance goes, no further call goes
there; the endpoint is closed when the last one has ended. Discovery is looked at when a call begins and when one ends,
so there is no task to keep, and a call never goes by an answer that is older than the latest.

Retries belong above this, so that each try may go elsewhere. Prior art: Finagle's `LoadBalancerFactory`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol

import trio

from mesh.discovery import Found
from mesh.failures import CallFailed, Status
from mesh.instances import Instance
from mesh.layers.health import Judge, judged
from mesh.service import Named, Req, Res, Service, Stack

CLOSING_SECONDS = 1.0
"""How long endpoints may take to close. Ours take no time; whose `connect` is another's might never end."""


class Balancer(Protocol):
    """What is asked of a balancer, one of `policies.balance` or anybody's. Times are seconds."""

    def set_endpoints(self, endpoints: Sequence[Hashable]) -> None: ...
    def pick(self, *, now: float) -> Hashable: ...
    def begin(self, endpoint: Hashable, *, now: float) -> None: ...
    def end(self, endpoint: Hashable, took: float, *, now: float) -> None: ...


async def _nothing_to_close() -> None:
    """The default."""


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Req, Res]):
    """The way to one instance. `aclose` gives up its connections, without waiting for anybody."""

    service: Service[Req, Res]
    aclose: Callable[[], Awaitable[None]] = _nothing_to_close


@dataclass(slots=True, eq=False)
class _Member(Generic[Req, Res]):
    """One instance, the service that leads there through its layers, and how many calls are under way."""

    instance: Instance
    service: Service[Req, Res]
    aclose: Callable[[], Awaitable[None]]
    calls: int = 0
    is_gone: bool = False


def _no_layers(instance: Instance) -> Stack[Any, Any]:
    return Stack()


@dataclass(slots=True, eq=False, kw_only=True)
class Cluster(Generic[Req, Res]):
    """The instances of a service. `judges` are told who is there; that they hear of calls is for `each` to see to."""

    found: Found
    balancer: Balancer
    connect: Callable[[Instance], Endpoint[Req, Res]]
    judges: Collection[Judge] = ()
    each: Callable[[Instance], Stack[Req, Res]] = _no_layers
    members: dict[Hashable, _Member[Req, Res]] = field(default_factory=dict)
    leaving: list[_Member[Req, Res]] = field(default_factory=list)
    seen: tuple[Instance, ...] = ()

    async def call(self, request: Req) -> Res:
        """Send `request` to one instance. Raises `CallFailed`, as the endpoint does, and when there is nobody."""
        self._look()
        if not self.members:
            raise CallFailed(Status.UNAVAILABLE, self.found.failure or "no instance is known", maybe_done=False)
        began = trio.current_time()
        member = self.members[self.balancer.pick(now=began)]
        member.calls += 1
        self.balancer.begin(member.instance, now=began)
        try:
            return await member.service(request)
        finally:
            member.calls -= 1
            now = trio.current_time()
            if not member.is_gone:  # who has gone, and come back since, is another one to the balancer
                self.balancer.end(member.instance, now - began, now=now)
            self._look()
            if self.leaving:
                await self._close([member for member in self.leaving if not member.calls])

    def _look(self) -> None:
        """Follow discovery, if it has anything new."""
        if self.found.instances == self.seen:
            return
        self.seen = self.found.instances
        instances = tuple(dict.fromkeys(self.seen))
        for gone in self.members.keys() - set(instances):
            member = self.members.pop(gone)
            member.is_gone = True
            self.leaving.append(member)
        for instance in instances:
            if instance not in self.members:
                self.members[instance] = self._member(instance)
        self.balancer.set_endpoints(instances)
        for judge in self.judges:
            judge.set_endpoints(instances)

    def _member(self, instance: Instance) -> _Member[Req, Res]:
        endpoint = self.connect(instance)
        return _Member(instance, self.each(instance).over(endpoint.service), endpoint.aclose)

    async def _close(self, members: list[_Member[Req, Res]]) -> None:
        self.leaving = [member for member in self.leaving if member not in members]
        with trio.move_on_after(CLOSING_SECONDS, shield=True):  # or who is cancelled would leave them open
            async with trio.open_nursery() as nursery:
                for member in members:
                    nursery.start_soon(member.aclose)

    async def close_all(self) -> None:
        """Give up all connections, even when cancelled; an endpoint that is not closed in time is left to itself."""
        await self._close([*self.leaving, *self.members.values()])


@asynccontextmanager
async def balanced(
    found: Found,
    balancer: Balancer,
    connect: Callable[[Instance], Endpoint[Req, Res]],
    *,
    judges: Collection[Judge] = (),
    each: Callable[[Instance], Stack[Req, Res]] = _no_layers,
) -> AsyncIterator[Service[Req, Res]]:
    """A service whose calls go to the instances `found`, each by way of its own endpoint, which `connect` makes.

    `each` gives the layers of one endpoint, such as its timeout and its statistics. The `judges` hear of all calls,
    from above these layers; let the balancer ask them (`health.available`). All endpoints are closed at the end.
    """

    def layers(instance: Instance) -> Stack[Req, Res]:
        hearing: list[Named[Req, Res]] = [
            Named(f"judge {number}", judged(judge, instance)) for number, judge in enumerate(judges)
        ]
        return Stack((*hearing, *each(instance)))

    cluster = Cluster(found=found, balancer=balancer, connect=connect, judges=judges, each=layers)
    try:
        yield cluster.call
    finally:
        await cluster.close_all()
