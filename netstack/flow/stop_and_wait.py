"""Stop-and-wait: the oldest answer to "may I send the next one?".

One message is on its way at a time. The sender repeats it until its acknowledgement arrives. The receiver acknowledges
a message when the application has *consumed* it, not when it came in; so the sender goes at the reader's pace, and one
place in the reader's queue is enough. One bit of sequence number tells a repeat from the next message, which suffices
because no older message can still be on a link that keeps order.

Prior art: Bartlett, Scantlebury and Wilkinson, 1969. Left out: a wire that reorders (see `window`), a timeout that
learns (RFC 6298 does), and giving up.
"""

from dataclasses import dataclass

from netstack.flow.messages import Ack, Data


class Busy(Exception):
    """There is a message under way already."""


@dataclass(slots=True)
class Sender:
    """Sends one message at a time. `timeout` and `now` are seconds on the caller's clock."""

    timeout: float
    _bit: int = 0
    _outstanding: Data | None = None
    _resend_at: float | None = None

    def may_send(self) -> bool:
        return self._outstanding is None

    def send(self, payload: bytes, *, now: float) -> Data:
        """Return the message that carries `payload`; raises `Busy` while one is unacknowledged."""
        if self._outstanding is not None:
            raise Busy(f"message {self._outstanding.number} is still under way")
        self._outstanding = Data(self._bit, payload)
        self._resend_at = now + self.timeout
        return self._outstanding

    def receive(self, ack: Ack, *, now: float) -> bool:
        """Take in an acknowledgement; return whether it was the one that is waited for."""
        if self._outstanding is None or ack.number != self._bit ^ 1:
            return False  # It asks for what is under way, or for nothing that we know: an old one, come late.
        self._bit = ack.number
        self._outstanding = self._resend_at = None
        return True

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return self._resend_at

    def handle_timer(self, *, now: float) -> Data | None:
        """Return the message to repeat, if its time has come."""
        if self._outstanding is None or self._resend_at is None or now < self._resend_at:
            return None
        self._resend_at = now + self.timeout
        return self._outstanding


@dataclass(slots=True)
class Receiver:
    """Takes each message once, and acknowledges it when it has been consumed."""

    _wanted: int = 0
    _consuming: bool = False

    def receive(self, data: Data) -> bytes | None:
        """Return the payload for the application, or None for a repeat."""
        if data.number != self._wanted or self._consuming:
            return None
        self._consuming = True
        return data.payload

    def consumed(self) -> None:
        """The application has read the payload that `receive` returned."""
        self._wanted ^= 1
        self._consuming = False

    def ack(self) -> Ack | None:
        """What to answer to whatever just happened: the number wanted next, or None while the reader is at it."""
        return None if self._consuming else Ack(self._wanted)
