"""The row that every benchmark yields: ours, one peer, and the ratio that is held to a goal.

Absolute numbers differ from machine to machine; ratios taken in one run on one machine are what the project promises.
A peer that is not installed is a row too, with `peer=None` and the reason in `note`: no table looks complete by what it
leaves out.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison. `ours` and `peer` are in `unit`; `goal` is a bound on ours / peer (or on `ours`, without a peer).

    The bound is from below, or from above with `smaller_is_better` (a time, a memory).
    """

    what: str
    ours: float | None
    unit: str
    peer_name: str = ""
    peer: float | None = None
    goal: float | None = None
    smaller_is_better: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's; None where one of them is missing."""
        return self.ours / self.peer if self.ours is not None and self.peer else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is kept; None where there is no goal, or nothing to hold against it."""
        measured = self.ratio if self.peer_name else self.ours
        if self.goal is None or measured is None:
            return None
        return measured <= self.goal if self.smaller_is_better else measured >= self.goal
