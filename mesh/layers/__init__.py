"""Policies as layers: each asks a policy what to do, and does it. They are thin, and all the awaiting is here.

A layer is made by a function of its policy, and wraps any service. Time is trio's, so that everything runs in virtual
time too; randomness is handed in.
"""

from mesh.layers.balanced import Endpoint, balanced
from mesh.layers.breaking import breaking
from mesh.layers.deadlines import deadline
from mesh.layers.health import available, judged
from mesh.layers.hedged import hedged
from mesh.layers.limited import bulkhead, rate_limit, shedding
from mesh.layers.retries import retries
from mesh.layers.statistics import statistics

__all__ = [
    "Endpoint",
    "available",
    "balanced",
    "breaking",
    "bulkhead",
    "deadline",
    "hedged",
    "judged",
    "rate_limit",
    "retries",
    "shedding",
    "statistics",
]
