"""Step 4: your `window.py` and `credit.py`, put together between the wire and the reader."""

import trio
from credit import Granter, Spender
from window import Receiver, Sender

from netstack.flow.messages import Ack, Data, Message
from netstack.flow.sequence import add, before


def sender(settings) -> "Spending":
    """The sending end: it may send what both the window and the credit allow."""
    first, capacity = settings["first"], settings["capacity"]
    return Spending(
        Sender(size=settings["window"], timeout=settings["timeout"], first=first),
        Spender(probe_after=settings["probe_after"], limit=add(first, capacity)),
    )


def receiver(settings) -> "Granting":
    """The receiving end: room for `capacity` messages, and not one more."""
    first, capacity = settings["first"], settings["capacity"]
    return Granting(Receiver(size=capacity, first=first), Granter(capacity=capacity, first=first))


class Spending:
    """Your `Sender` and your `Spender`, as `Outgoing` wants them."""

    def __init__(self, window: Sender, credit: Spender) -> None:
        self._window = window
        self._credit = credit

    def may_send(self) -> bool:
        """Asked when there is something to send. Without credit and with nothing under way, we are blocked."""
        has_credit = self._credit.may_send(self._window.next_number)
        if not has_credit and not self._window.in_flight:
            self._credit.blocked(now=trio.current_time())
        return has_credit and self._window.may_send()

    def send(self, payload: bytes, *, now: float) -> Data:
        """Number a payload."""
        return self._window.send(payload, now=now)

    def receive(self, ack: Ack, *, now: float) -> None:
        """An acknowledgement tells the window what has arrived, and the credit what there is room for."""
        self._window.receive(ack, now=now)
        self._credit.receive(ack)

    def next_timer(self) -> float | None:
        """The earlier of both."""
        times = (self._window.next_timer(), self._credit.next_timer())
        return min((at for at in times if at is not None), default=None)

    def handle_timer(self, *, now: float) -> Message | None:
        """What is due: a repeat, or a probe."""
        return self._window.handle_timer(now=now) or self._credit.handle_timer(now=now)


class Granting:
    """Your `Receiver` and your `Granter`, as `Incoming` wants them."""

    def __init__(self, window: Receiver, credit: Granter) -> None:
        self._window = window
        self._credit = credit

    def receive(self, data: Data) -> list[bytes]:
        """What is to be handed over now. For what lies beyond the limit there is no room."""
        return self._window.receive(data) if before(data.number, self._credit.limit) else []

    def answer(self) -> Ack:
        """What to say to whatever has come in."""
        return self._credit.ack(self._window.wanted)

    def consumed(self, total: int) -> Ack | None:
        """Pass on that more was read; return the window update, if it is worth one."""
        self._credit.consumed(total)
        return self._credit.ack(self._window.wanted) if self._credit.worth_telling() else None
