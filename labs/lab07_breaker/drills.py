"""How unit checks put a student's breaker through its paces."""

from dataclasses import dataclass

from labs.testbed.program.values import Stored
from labs.testbed.unit import Script


@dataclass(slots=True)
class Drilled:
    """A breaker of the student's in a unit script, under the name `store`; `told` are its keywords."""

    script: Script
    store: str
    made: Stored

    @classmethod
    def make(cls, script: Script, store: str = "one", **told: object) -> "Drilled":
        """Have one made."""
        return cls(script, store, script.make("breaker.Breaker", store=store, keywords=told))

    def calls(self, ends: str, *, now: float, passed: int, because: str, label: str) -> None:
        """Make a call for each letter, which ends well (s), fails (f) or says nothing (a); so many must pass."""
        keywords = {"now": now}
        self.script.call(
            "drill.calls", self.made, ends, keywords=keywords, returns=passed, because=because, label=label
        )

    def asks(self, *, now: float, heard: list[bool], because: str, label: str) -> None:
        """Several ask at one moment, and nothing comes of their calls yet."""
        keywords = {"count": len(heard), "now": now}
        self.script.call("drill.asks", self.made, keywords=keywords, returns=heard, because=because, label=label)

    def hears(self, what: str, *, now: float, because: str, label: str) -> None:
        """Tell it `succeeded`, `failed` or `abandoned`."""
        self.script.call(f"{self.store}.{what}", keywords={"now": now}, because=because, label=label)

    def counts(self, failures: int, total: int, *, now: float, because: str, label: str) -> None:
        """What it has counted."""
        wanted = (failures, total)
        self.script.call(f"{self.store}.counts", keywords={"now": now}, returns=wanted, because=because, label=label)

    def stands(self, state: str, *, because: str, label: str) -> None:
        """Which state it is in."""
        self.script.get(f"{self.store}.state", returns=state, because=because, label=label)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it should be."""

    name: str
    before: str
    after: str
    at: float
    failures: int
    total: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message to whoever is on call as it should be."""

    target: str
    since: float
    sources: int
    over: bool = False


def about(wanted: float) -> object:
    """Whether a number is that one, but for what floating point does."""

    def holds(value: float) -> bool:
        return abs(value - wanted) < 1e-6

    return holds
