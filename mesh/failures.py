"""How calls fail, in the words that gRPC has for it, whatever they travel on.

An exception tells a caller two things that decide what may be done next: whose fault it is (`status`), and whether the
other side may have acted on the call (`maybe_done`). A layer that refuses a call itself says so with `Rejected`: it was
never sent, so trying again is safe, though seldom wise. Across the wire it arrives as a plain `CallFailed`.
"""

from enum import IntEnum


class Status(IntEnum):
    """gRPC's status codes, by their numbers on the wire."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


CALLERS_FAULT = {
    Status.INVALID_ARGUMENT,
    Status.NOT_FOUND,
    Status.ALREADY_EXISTS,
    Status.PERMISSION_DENIED,
    Status.FAILED_PRECONDITION,
    Status.OUT_OF_RANGE,
    Status.UNIMPLEMENTED,
    Status.UNAUTHENTICATED,
    Status.CANCELLED,
}
"""These say nothing about the health of whoever answered: a breaker does not count them (Hystrix's bad requests)."""


class CallFailed(Exception):
    """A call has failed. `maybe_done`: the other side may have acted on it all the same."""

    def __init__(self, status: Status, text: str = "", *, maybe_done: bool = True) -> None:
        if status is Status.OK:
            raise ValueError("OK is no failure")
        super().__init__(f"{status.name}: {text}" if text else status.name)
        self.status = status
        self.text = text
        self.maybe_done = maybe_done

    @property
    def blames_the_callee(self) -> bool:
        """Whether it tells something about the health of the other side, so that a retry may end better."""
        return self.status not in CALLERS_FAULT


class Unreachable(CallFailed):
    """Nobody answers at that address; the call was never sent."""

    def __init__(self, text: str = "") -> None:
        super().__init__(Status.UNAVAILABLE, text, maybe_done=False)


class Rejected(CallFailed):
    """A layer on this side has refused the call; it was never sent. `layer` says which."""

    def __init__(self, layer: str, status: Status = Status.UNAVAILABLE, text: str = "") -> None:
        super().__init__(status, text or f"refused by the {layer}", maybe_done=False)
        self.layer = layer

    @property
    def blames_the_callee(self) -> bool:
        """It was not even asked."""
        return False
