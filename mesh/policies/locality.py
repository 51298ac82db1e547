"""Locality: prefer whoever is near, as long as the near ones are not asked for more than their share.

Endpoints and callers stand in *zones* (a region, a data centre, a rack). A call within a zone is faster and cheaper;
but where there are more callers in a zone than endpoints for them, to stay there would drown these few while others are
idle. Envoy's rule: let a zone have the share c of all callers and h of all endpoints that are well.

* h ≥ c: all calls of the zone stay in it.
* h < c: the part h/c stays. The rest goes to the zones that have more endpoints than callers, to each by what it has
  too much.

So every endpoint gets the same, whatever the zones look like, and no rule that keeps to that lets more calls stay.
Nearness is given up altogether where it would be guessing: of fewer than `least` endpoints, or when more than half of
all are ill (*panic*: then all are used, ill or not, for to leave out so many would drown the rest).

Environments are no zones: nobody in production may spill over into test. They are asked for by a query.

Source: Envoy's zone aware routing. Envoy knows where the callers are because it is told of its own cluster; we are told
in `callers`, and without a word assume that they stand as the endpoints should: as many in each zone.
"""

import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mesh.instances import NoEndpoints

LEAST = 6
PANIC = 0.5
"""Envoy's `min_cluster_size`, and its threshold of panic."""

Endpoint = Hashable


class Balancer(Protocol):
    """Who chooses within one zone. Times are seconds."""

    def set_endpoints(self, endpoints: Sequence[Endpoint]) -> None: ...
    def pick(self, *, now: float) -> Endpoint: ...
    def begin(self, endpoint: Endpoint, *, now: float) -> None: ...
    def end(self, endpoint: Endpoint, took: float, *, now: float) -> None: ...


def shares(own: str, callers: Mapping[str, float], endpoints: Mapping[str, float]) -> dict[str, float]:
    """Which part of the calls from the zone `own` goes to which zone; both are numbers by zone, not all of them 0.

    In sum 1. Zones that get nothing are left out.
    """
    zones = callers.keys() | endpoints.keys()
    all_callers, all_endpoints = sum(callers.values()), sum(endpoints.values())
    too_much = {zone: endpoints.get(zone, 0) / all_endpoints - callers.get(zone, 0) / all_callers for zone in zones}
    if too_much[own] >= 0:
        return {own: 1.0}
    stays = (endpoints.get(own, 0) / all_endpoints) / (callers[own] / all_callers)
    spare = sum(each for each in too_much.values() if each > 0)
    spread = {zone: (1 - stays) * each / spare for zone, each in sorted(too_much.items()) if each > 0}
    return {own: stays} | spread if stays else spread


@dataclass(slots=True, kw_only=True)
class Near:
    """A balancer of balancers: it chooses a zone, and one that `make` has made chooses within it.

    `zone` is where we are; `zone_of` says where an endpoint is. `callers` are the numbers of callers by zone.
    """

    zone: str
    zone_of: Callable[[Endpoint], str]
    make: Callable[[], Balancer]
    randomness: random.Random
    callers: Mapping[str, float] = field(default_factory=dict)
    is_available: Callable[[Endpoint], bool] = lambda endpoint: True
    least: int = LEAST
    panic: float = PANIC
    _zones: dict[str, tuple[Endpoint, ...]] = field(default_factory=dict, init=False)
    _balancers: dict[str, Balancer] = field(default_factory=dict, init=False)

    def set_endpoints(self, endpoints: Sequence[Endpoint]) -> None:
        """These are there now; what is known of those that stay is kept."""
        found: dict[str, list[Endpoint]] = {}
        for endpoint in endpoints:
            found.setdefault(self.zone_of(endpoint), []).append(endpoint)
        self._zones = {zone: tuple(there) for zone, there in sorted(found.items())}
        self._balancers = {zone: self._balancers.get(zone) or self.make() for zone in self._zones}
        for zone, balancer in self._balancers.items():
            balancer.set_endpoints(self._zones[zone])

    def pick(self, *, now: float) -> Endpoint:
        """The endpoint for the next request; raises `NoEndpoints`."""
        if not self._zones:
            raise NoEndpoints("nobody is registered, or nobody fits")
        parts = self.parts()
        zone = self.randomness.choices(list(parts), list(parts.values()))[0]
        return self._balancers[zone].pick(now=now)

    def parts(self) -> dict[str, float]:
        """Which part of our calls goes to which zone at present."""
        whole = {zone: float(len(there)) for zone, there in self._zones.items()}
        well = {zone: float(sum(map(self.is_available, there))) for zone, there in self._zones.items()}
        if sum(well.values()) < self.panic * sum(whole.values()):
            return whole
        if sum(whole.values()) < self.least:
            return well
        callers = self.callers if self.callers.get(self.zone) else dict.fromkeys({*whole, self.zone}, 1.0)
        return shares(self.zone, callers, well)

    def begin(self, endpoint: Endpoint, *, now: float) -> None:
        """A request goes to `endpoint`."""
        if balancer := self._balancers.get(self.zone_of(endpoint)):
            balancer.begin(endpoint, now=now)

    def end(self, endpoint: Endpoint, took: float, *, now: float) -> None:
        """A request to `endpoint` took so many seconds, whatever came of it."""
        if balancer := self._balancers.get(self.zone_of(endpoint)):
            balancer.end(endpoint, took, now=now)
