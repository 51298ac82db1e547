"""The sliding window, written from the handout alone: a row of places that is gone round, and no dictionary."""

from netstack.flow.messages import Ack, Data
from netstack.flow.sequence import add, distance


class WindowFull(Exception):
    """As many messages are under way as the window allows."""


class Sender:
    """Numbers messages from `first` on, and keeps at most `size` of them under way. Times are seconds."""

    def __init__(self, *, size: int, timeout: float, first: int = 0) -> None:
        self.size = size
        self.timeout = timeout
        self.next_number = first  # the number that the next message will have
        self.in_flight = 0  # how many messages are sent and not acknowledged
        self._base = first  # the oldest one under way
        self._ring = [b""] * size
        self._head = 0  # the slot of the oldest
        self._deadline = 0.0

    def may_send(self) -> bool:
        """Whether there is room in the window."""
        return self.in_flight < self.size

    def send(self, payload: bytes, *, now: float) -> Data:
        """Return the message that carries `payload`; raise `WindowFull` when there is no room."""
        if self.in_flight >= self.size:
            raise WindowFull
        data = Data(self.next_number, payload)
        self._ring[(self._head + self.in_flight) % self.size] = payload
        if self.in_flight == 0:
            self._deadline = now + self.timeout
        self.in_flight += 1
        self.next_number = add(self.next_number, 1)
        return data

    def receive(self, ack: Ack, *, now: float) -> int:
        """Take in an acknowledgement; return how many messages it newly acknowledges."""
        count = distance(self._base, ack.number)
        if count <= 0 or count > self.in_flight:
            return 0
        self._base = ack.number
        self._head = (self._head + count) % self.size
        self.in_flight -= count
        self._deadline = now + self.timeout
        return count

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called; None for never."""
        if self.in_flight == 0:
            return None
        return self._deadline

    def handle_timer(self, *, now: float) -> Data | None:
        """Return the oldest message, to be sent again, if its time has come."""
        if self.in_flight == 0 or now < self._deadline:
            return None
        self._deadline = now + self.timeout
        return Data(self._base, self._ring[self._head])


class Receiver:
    """Puts messages into order. Holds at most `size` that came too early; further ones are as good as lost."""

    def __init__(self, *, size: int, first: int = 0) -> None:
        self.size = size
        self.wanted = first  # the number that comes next: all before it have been handed over
        self._ring: list[bytes | None] = [None] * size
        self._head = 0  # the slot of the wanted one

    def receive(self, data: Data) -> list[bytes]:
        """Take in a message; return the payloads that are now in order, oldest first."""
        ahead = distance(self.wanted, data.number)
        if ahead < 0 or ahead >= self.size:
            return []
        self._ring[(self._head + ahead) % self.size] = data.payload
        out = []
        while (payload := self._ring[self._head]) is not None:
            out.append(payload)
            self._ring[self._head] = None
            self._head = (self._head + 1) % self.size
            self.wanted = add(self.wanted, 1)
        return out
