"""A cold host: what Finagle's and tower's ways to think of a newcomer cost, at the very moment when it is slowest."""

import heapq
import random
from collections.abc import Callable

from mesh.policies.balance import LeastLoaded, Load, PeakEwma, TwoChoices

WARM, COLD, WARMING = 0.010, 2.0, 3.0
"""Seconds of an answer; of one that a cold host has begun; and from its start until a host is warm."""

COMES = 5.0
EVERY = 0.004


def play(make: Callable[[], Load], seconds: float = 120.0) -> tuple[int, int, float]:
    """Three warm hosts under load; after 5 s a fourth comes, cold.

    Returns how many requests it got before it had answered one, how many answers were slow in all, and how many seconds
    after it came it had half of its fair share over one second.
    """
    balancer, hosts = TwoChoices(randomness=random.Random(1), make=make), ["a", "b", "c"]
    balancer.set_endpoints(hosts)
    running: list[tuple[float, str, float]] = []
    picks: list[float] = []
    slow, first_answer = 0, float("inf")
    for step in range(int(seconds / EVERY)):
        now = step * EVERY
        while running and running[0][0] <= now:
            at, host, took = heapq.heappop(running)
            balancer.end(host, took, now=at)
            first_answer = min(first_answer, at) if host == "cold" else first_answer
        if now >= COMES and len(hosts) == 3:
            hosts.append("cold")
            balancer.set_endpoints(hosts)
        host = str(balancer.pick(now=now))
        took = COLD if host == "cold" and now < COMES + WARMING else WARM
        balancer.begin(host, now=now)
        heapq.heappush(running, (now + took, host, took))
        slow += took == COLD
        picks += [now] if host == "cold" else []
    half = int(1 / EVERY / len(hosts) / 2)
    gap = zip(picks, picks[half:], strict=False)
    shares = (begin for begin, end in gap if end - begin <= 1 and begin >= COMES + WARMING)
    return sum(at < first_answer for at in picks), slow, next(shares) - COMES


def test_a_cold_host_gets_one_request_from_finagle_and_several_from_tower() -> None:
    rows = {
        "least loaded": play(LeastLoaded),
        "Finagle's peak EWMA": play(PeakEwma),
        "tower's peak EWMA": play(lambda: PeakEwma(newcomer=0.03)),
    }
    print(f"{'':20} before its first answer   slow answers   has half its share after")
    for name, (first, slow, share) in rows.items():
        print(f"{name:20} {first:23}   {slow:12}   {share:22.1f} s")
    (_, slow, soon), (one, fewest, late), (several, few, _) = rows.values()
    assert (one, fewest) == (1, 1), "the penalty: nobody else tries a host that has never answered"
    assert 1 < several <= few <= slow
    assert soon < late, "the price of a long memory: a slow first answer is held against it"
