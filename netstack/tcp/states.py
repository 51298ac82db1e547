"""The states of a connection, and the law by which they follow each other (RFC 9293, 3.3.2 and its figure 5).

`TRANSITIONS` is the whole law: what is not in it is not allowed, and asking for it is a mistake in this package. Two
things stand outside, because they hold everywhere: a reset, and giving up, lead from any state to CLOSED. `diagram`
writes the table down in Mermaid's language; the picture in `docs/tcp.md` is made from it.
"""

from enum import Enum


class State(Enum):
    """Where a connection stands. The names are the RFC's."""

    CLOSED = "CLOSED"
    LISTEN = "LISTEN"
    SYN_SENT = "SYN-SENT"
    SYN_RECEIVED = "SYN-RECEIVED"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT_1 = "FIN-WAIT-1"
    FIN_WAIT_2 = "FIN-WAIT-2"
    CLOSE_WAIT = "CLOSE-WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST-ACK"
    TIME_WAIT = "TIME-WAIT"

    def __str__(self) -> str:
        return self.value


class Event(Enum):
    """What moves a connection from one state to another. Those above the line come from this side's own user."""

    OPEN = "active open"
    LISTEN = "passive open"
    CLOSE = "close"
    # ---
    SYN = "SYN arrives"
    SYN_ACK = "SYN and ACK arrive"
    SYN_ACKNOWLEDGED = "our SYN is acknowledged"
    FIN = "FIN arrives"
    FIN_ACKNOWLEDGED = "our FIN is acknowledged"
    LONG_ENOUGH = "two segment lifetimes"


class Failure(Enum):
    """Why a connection ended before its time."""

    REFUSED = "refused"
    RESET = "reset by the other side"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"
    ABORTED = "aborted"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.CLOSED, Event.OPEN): State.SYN_SENT,
    (State.CLOSED, Event.LISTEN): State.LISTEN,
    (State.LISTEN, Event.SYN): State.SYN_RECEIVED,
    (State.LISTEN, Event.CLOSE): State.CLOSED,
    (State.SYN_SENT, Event.SYN): State.SYN_RECEIVED,  # both sides opened at the same time
    (State.SYN_SENT, Event.SYN_ACK): State.ESTABLISHED,
    (State.SYN_SENT, Event.CLOSE): State.CLOSED,
    (State.SYN_RECEIVED, Event.SYN_ACKNOWLEDGED): State.ESTABLISHED,
    (State.SYN_RECEIVED, Event.CLOSE): State.FIN_WAIT_1,
    (State.ESTABLISHED, Event.CLOSE): State.FIN_WAIT_1,
    (State.ESTABLISHED, Event.FIN): State.CLOSE_WAIT,
    (State.FIN_WAIT_1, Event.FIN): State.CLOSING,  # both sides closed at the same time
    (State.FIN_WAIT_1, Event.FIN_ACKNOWLEDGED): State.FIN_WAIT_2,
    (State.FIN_WAIT_2, Event.FIN): State.TIME_WAIT,
    (State.CLOSE_WAIT, Event.CLOSE): State.LAST_ACK,
    (State.CLOSING, Event.FIN_ACKNOWLEDGED): State.TIME_WAIT,
    (State.LAST_ACK, Event.FIN_ACKNOWLEDGED): State.CLOSED,
    (State.TIME_WAIT, Event.LONG_ENOUGH): State.CLOSED,
}

MAY_SEND = {State.ESTABLISHED, State.CLOSE_WAIT}
"""The user may hand over more data."""

MAY_RECEIVE = {State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2}
"""The other side may still send data."""

SYNCHRONIZED = set(State) - {State.CLOSED, State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED}
"""Both sides know where the other's numbers begin."""


def diagram() -> str:
    """The table as a state diagram in Mermaid's language."""
    names = [f"    {state.name}: {state}" for state in State]
    moves = [f"    {before.name} --> {after.name}: {event.value}" for (before, event), after in TRANSITIONS.items()]
    return "\n".join(["stateDiagram-v2", *names, "    [*] --> CLOSED", *moves, ""])
