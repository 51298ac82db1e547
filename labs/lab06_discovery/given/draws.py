"""Has your `TwoChoices` pick many times, and tells people how often it picked whom: an order and an answer in JSON.

An order: `endpoints`, how many requests are under way at each (`pending`), which of them are `available`, and how many
picks are wanted (`count`).
"""

import json
from collections import Counter

from balance import TwoChoices


async def main(host):
    async for order in host.app:
        host.app.send_nowait(json.dumps(drawn(json.loads(order), host.random)).encode())


def drawn(order, randomness):
    """How often each was picked."""
    balancer = TwoChoices(randomness=randomness, is_available=order["available"].__contains__)
    balancer.set_endpoints(order["endpoints"])
    for endpoint, count in order["pending"].items():
        for _ in range(count):
            balancer.begin(endpoint, now=0.0)
    return Counter(balancer.pick(now=0.0) for _ in range(order["count"]))
