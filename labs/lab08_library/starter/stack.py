"""The client's stack: which role stands where, and why.

So far there is a balancer, and nothing that helps when somebody does not answer. The handout, step 1, says what to
write.
"""

import random
from typing import Any

from mesh.endpoints import accrual, balancing, for_each
from mesh.layers import breaking, deadline, retries, statistics
from mesh.parts import Parts, Settings
from mesh.rpc import has_key
from mesh.service import Stack
from mesh.telemetry.metrics import Calls


def client_stack(
    service: str, parts: Parts, settings: Settings, *, calls: Calls, randomness: random.Random
) -> Stack[Any, Any]:
    """The roles of a client of `service`, outermost first; `calls` is its account."""
    return Stack[Any, Any]().push(
        "balancer",
        balancing(lambda is_available: parts.balancer(randomness, is_available)),
        why="",
    )
