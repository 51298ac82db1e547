"""Why a host that Eureka believes in for 90 seconds was served for up to five minutes, one cause after the other."""

import random
from statistics import median

from mesh.instances import Instance
from mesh.policies.leases import DURATION, RENEWED_EVERY, SWEEP_EVERY, Registry

RESPONSE_CACHE, FETCH = 30.0, 30.0
"""Seconds after which Eureka's server makes its answer anew, and its client asks for it. Eureka's defaults."""

HOSTS = 20


def served(duration: float, *, cache: float, fetch: float, draw: random.Random) -> float:
    """For how many seconds after its death a host is still in its client's list."""
    registry = Registry(randomness=draw, duration=duration)
    names = [f"host {number}" for number in range(HOSTS)]
    phases = {name: draw.uniform(0, RENEWED_EVERY) for name in names}
    for name in names:
        registry.register(Instance("players", name, "10.0.0.1", 8080), now=0.0)
    dies, now = draw.uniform(300, 400), 0.0
    beats = sorted(
        (phases[name] + beat * RENEWED_EVERY, name)
        for name in names
        for beat in range(40)
        if name != names[0] or phases[name] + beat * RENEWED_EVERY < dies
    )
    for now, name in beats:
        while (due := registry.next_timer()) is not None and due <= now:
            if any(gone.name == names[0] for gone in registry.handle_timer(now=due)):
                seen = _next(_next(due, cache, draw), fetch, draw)
                return seen - dies
        registry.renew("players", name, now=now)
    raise AssertionError("it was never taken out")


def _next(now: float, every: float, draw: random.Random) -> float:
    """When something that is done each `every` seconds is done next; it began at any time."""
    return now + draw.uniform(0, every)


def test_ninety_seconds_become_five_minutes() -> None:
    causes = {
        "a lease of 90 s, sweeps each 60 s": (DURATION, 0.0, 0.0),
        "+ the lease counted twice (180 s)": (2 * DURATION, 0.0, 0.0),
        "+ a response cache of 30 s": (2 * DURATION, RESPONSE_CACHE, 0.0),
        "+ a client that fetches each 30 s": (2 * DURATION, RESPONSE_CACHE, FETCH),
    }
    draw = random.Random(1)
    rows = {}
    print(f"{'seconds after a kill -9':36}  least  median  most")
    for cause, (duration, cache, fetch) in causes.items():
        times = [served(duration, cache=cache, fetch=fetch, draw=draw) for _ in range(300)]
        rows[cause] = min(times), median(times), max(times)
        print(f"{cause:36} {min(times):6.0f} {median(times):7.0f} {max(times):5.0f}")
    bounds = [(60, 150), (150, 240), (150, 270), (150, 300)]
    for (least, middle, most), (at_least, at_most) in zip(rows.values(), bounds, strict=True):
        assert at_least <= least <= middle <= most <= at_most
    assert list(rows.values())[-1][2] > 270, "near to the worst case of five minutes"
    assert 2 * DURATION + SWEEP_EVERY + RESPONSE_CACHE + FETCH == 300
