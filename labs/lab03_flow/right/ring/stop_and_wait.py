"""Stop-and-wait: one message at a time, and the next when the last has been read."""

from netstack.flow.messages import Ack, Data


class Busy(Exception):
    """There is a message under way already."""


class Sender:
    """Sends one message at a time. `timeout` and `now` are seconds on the caller's clock."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._bit = 0
        self._busy = 0
        self._payload = b""
        self._deadline = 0.0

    def may_send(self) -> bool:
        """Whether nothing is under way."""
        return self._busy == 0

    def send(self, payload: bytes, *, now: float) -> Data:
        """Return the message that carries `payload`; raise `Busy` while one is unacknowledged."""
        if self._busy:
            raise Busy
        self._busy = 1
        self._payload = payload
        self._deadline = now + self.timeout
        return Data(self._bit, payload)

    def receive(self, ack: Ack, *, now: float) -> bool:
        """Take in an acknowledgement; return whether it was the one that is waited for."""
        if not self._busy or ack.number != self._bit ^ 1:
            return False
        self._busy = 0
        self._bit ^= 1
        return True

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called; None for never."""
        if not self._busy:
            return None
        return self._deadline

    def handle_timer(self, *, now: float) -> Data | None:
        """Return the message to repeat, if its time has come."""
        if self._busy and now >= self._deadline:
            self._deadline = now + self.timeout
            return Data(self._bit, self._payload)
        return None


class Receiver:
    """Takes each message once, and acknowledges it when it has been consumed."""

    def __init__(self) -> None:
        self._wanted = 0
        self._reading = 0

    def receive(self, data: Data) -> bytes | None:
        """Return the payload to hand over, or None for a repeat."""
        if data.number != self._wanted or self._reading:
            return None
        self._wanted ^= 1
        self._reading = 1
        return data.payload

    def consumed(self) -> None:
        """The reader has read the payload that `receive` returned last."""
        self._reading = 0

    def ack(self) -> Ack | None:
        """What to answer now to whatever has come in: the number wanted next, or None while the reader is at it."""
        if self._reading:
            return None
        return Ack(self._wanted)
