"""Stop-and-wait: one message at a time, and the next when the last has been read.

So far this blasts: everything is sent at once, nothing is acknowledged, nothing is repeated. The handout, step 2, says
what to write.
"""

from netstack.flow.messages import Ack, Data


class Busy(Exception):
    """There is a message under way already."""


class Sender:
    """Sends one message at a time. `timeout` and `now` are seconds on the caller's clock."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout

    def may_send(self) -> bool:
        """Whether nothing is under way."""
        return True

    def send(self, payload: bytes, *, now: float) -> Data:
        """Return the message that carries `payload`; raise `Busy` while one is unacknowledged."""
        return Data(0, payload)

    def receive(self, ack: Ack, *, now: float) -> bool:
        """Take in an acknowledgement; return whether it was the one that is waited for."""
        return False

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called; None for never."""
        return None

    def handle_timer(self, *, now: float) -> Data | None:
        """Return the message to repeat, if its time has come."""
        return None


class Receiver:
    """Takes each message once, and acknowledges it when it has been consumed."""

    def receive(self, data: Data) -> bytes | None:
        """Return the payload to hand over, or None for a repeat."""
        return data.payload

    def consumed(self) -> None:
        """The reader has read the payload that `receive` returned last."""

    def ack(self) -> Ack | None:
        """What to answer now to whatever has come in: the number wanted next, or None while the reader is at it."""
        return None
