"""The parts of a client, of your own making: the budget and the breaker of lab 7, the balancer of lab 6.

`balancer` is "two choices" (yours), or "in turn", which draws nothing, so that a pencil can follow it.
"""

from balance import PeakEwma, TwoChoices
from breaker import Breaker
from budget import RetryBudget
from stack import client_stack

from mesh.parts import Parts, Settings
from mesh.policies.round_robin import RoundRobin


def parts(host):
    """What a client on `host` is made of, as its arguments say."""
    terms = host.arguments

    def two_choices(randomness, is_available):
        return TwoChoices(randomness=randomness, make=PeakEwma, is_available=is_available)

    def in_turn(randomness, is_available):
        return InTurn(is_available)

    return Parts(
        budget=lambda: RetryBudget(**terms.get("budget", {})),
        breaker=lambda service: Breaker(name=service, **terms.get("breaker", {})),
        balancer={"two choices": two_choices, "in turn": in_turn}[terms.get("balancer", "two choices")],
        stack=client_stack,
    )


def settings(host):
    """How patient it is."""
    return Settings(**host.arguments.get("settings", {}))


class InTurn(RoundRobin):
    """One after another, those that are available."""

    def __init__(self, is_available) -> None:
        super().__init__()
        self.is_available = is_available

    def pick(self, *, now):
        """The next one that is available; the next one, if nobody is."""
        first = super().pick()
        one = first
        for _ in self.endpoints:
            if self.is_available(one):
                return one
            one = super().pick()
        return first
