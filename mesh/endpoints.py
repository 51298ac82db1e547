"""Layers below a balancer: what is there once for each instance of a service.

A layer wraps a service. Below a balancer there is no single service yet, but `Endpoints`: who is there, and a way to
each. A layer there makes endpoints out of endpoints, and the balancer makes a service of them, so that all of them
stand in one stack, each in its role, and any of them can be replaced. Prior art: Finagle's `ServiceFactory` below its
`LoadBalancerFactory`; tower's `MakeService`.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

from mesh.discovery import Found
from mesh.instances import Instance
from mesh.layers.balanced import Balancer, Cluster, Endpoint
from mesh.layers.health import Judge, available, judged
from mesh.service import Layer, Service, Stack

IsAvailable = Callable[[Hashable], bool]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What stands below the balancer: who is there, a way to each, and who judges their health."""

    found: Found
    connect: Callable[[Instance], Endpoint[Any, Any]]
    judges: tuple[Judge, ...] = ()

    def through(self, make: Callable[[Instance], Layer[Any, Any]]) -> "Endpoints":
        """The same, each reached through a layer of its own."""

        def connect(instance: Instance) -> Endpoint[Any, Any]:
            endpoint = self.connect(instance)
            return replace(endpoint, service=make(instance)(endpoint.service))

        return replace(self, connect=connect)


def for_each(make: Callable[[Instance], Layer[Any, Any]]) -> Layer[Any, Any]:
    """A layer of each endpoint: `make` makes it, once for an instance."""

    def layer(below: Any) -> Any:
        return _endpoints(below).through(make)

    return layer


def accrual(judge: Judge) -> Layer[Any, Any]:
    """`judge` hears what becomes of the calls to each endpoint, and a balancer above asks it."""

    def layer(below: Any) -> Any:
        endpoints = _endpoints(below).through(lambda instance: judged(judge, instance))
        return replace(endpoints, judges=(*endpoints.judges, judge))

    return layer


def balancing(make: Callable[[IsAvailable], Balancer]) -> Layer[Any, Any]:
    """Endpoints below, a service above. `make` makes the balancer, which may ask whether an endpoint is available."""

    def layer(below: Any) -> Any:
        endpoints = _endpoints(below)
        balancer = make(available(*endpoints.judges))
        return Cluster(
            found=endpoints.found, balancer=balancer, connect=endpoints.connect, judges=endpoints.judges
        ).call

    return layer


def _endpoints(below: object) -> Endpoints:
    if isinstance(below, Endpoints):
        return below
    raise TypeError("this layer stands on endpoints, and below it is a service: put it below the balancer")


def build(stack: Stack[Any, Any], endpoints: Endpoints) -> Service[Any, Any]:
    """The service on top of a stack with a balancer in it; raises `TypeError` for one without."""
    bottom: Any = endpoints
    built: Any = stack.over(bottom)
    if isinstance(built, Endpoints):
        raise TypeError("no role in this stack makes one service of many endpoints: there is no balancer")
    service: Service[Any, Any] = built
    return service
