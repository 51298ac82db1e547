"""Of what parts a client is made: ours by default, a student's one by one in their place.

A budget, a breaker, a balancer and the stack itself are also what students write. So nothing in the library imports
ours; they are fetched by name, when somebody makes a client and has handed in no other.
"""

import importlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mesh.endpoints import IsAvailable
from mesh.layers.balanced import Balancer
from mesh.layers.breaking import Circuit
from mesh.layers.health import Judge
from mesh.layers.retries import Budget
from mesh.policies.accrual import Accruals, FailureAccrual
from mesh.service import Stack
from mesh.telemetry.metrics import Calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How patient a client is. Times are seconds; `tries` are all tries of a call, the first one included."""

    deadline: float = 3.0
    timeout: float = 1.0
    tries: int = 3


def _ours(module: str) -> Any:
    return importlib.import_module(f"mesh.{module}")


def make_budget() -> Budget:
    """Finagle's: retries are at most 20 % of the calls, and ten a second besides."""
    budget: Budget = _ours("policies.budget").RetryBudget()
    return budget


def make_breaker(service: str) -> Circuit:
    """Hystrix's: it opens for five seconds when half of twenty calls or more have failed."""
    breaker: Circuit = _ours("policies.breaker").Breaker(name=service)
    return breaker


def make_balancer(randomness: random.Random, is_available: IsAvailable) -> Balancer:
    """Two choices, by how long answers take and how many are under way."""
    balance = _ours("policies.balance")
    balancer: Balancer = balance.TwoChoices(randomness=randomness, make=balance.PeakEwma, is_available=is_available)
    return balancer


def make_judge(randomness: random.Random) -> Judge:
    """Finagle's accrual of failures, an account for each instance."""
    return Accruals(make=lambda: FailureAccrual(randomness=randomness))


class Compose(Protocol):
    """What puts the roles in order, `mesh.stack.client_stack` or anybody's. Called once for each client."""

    def __call__(
        self, service: str, parts: "Parts", settings: Settings, *, calls: Calls, randomness: random.Random
    ) -> Stack[Any, Any]: ...


def compose(
    service: str, parts: "Parts", settings: Settings, *, calls: Calls, randomness: random.Random
) -> Stack[Any, Any]:
    """Finagle's order."""
    client_stack: Compose = _ours("stack").client_stack
    return client_stack(service, parts, settings, calls=calls, randomness=randomness)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """How to make each part of a client."""

    budget: Callable[[], Budget] = make_budget
    breaker: Callable[[str], Circuit] = make_breaker
    balancer: Callable[[random.Random, IsAvailable], Balancer] = make_balancer
    judge: Callable[[random.Random], Judge] = make_judge
    stack: Compose = compose


OURS = Parts()
