"""The sliding window: several messages on the way, handed over in order whatever the wire does to their order.

So far this blasts: everything is sent at once, nothing is repeated, and what comes is handed over as it comes. The
handout, step 3, says what to write.
"""

from netstack.flow.messages import Ack, Data
from netstack.flow.sequence import add


class WindowFull(Exception):
    """As many messages are under way as the window allows."""


class Sender:
    """Numbers messages from `first` on, and keeps at most `size` of them under way. Times are seconds."""

    def __init__(self, *, size: int, timeout: float, first: int = 0) -> None:
        self.size = size
        self.timeout = timeout
        self.next_number = first  # the number that the next message will have
        self.in_flight = 0  # how many messages are sent and not acknowledged

    def may_send(self) -> bool:
        """Whether there is room in the window."""
        return True

    def send(self, payload: bytes, *, now: float) -> Data:
        """Return the message that carries `payload`; raise `WindowFull` when there is no room."""
        data = Data(self.next_number, payload)
        self.next_number = add(self.next_number, 1)
        return data

    def receive(self, ack: Ack, *, now: float) -> int:
        """Take in an acknowledgement; return how many messages it newly acknowledges."""
        return 0

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called; None for never."""
        return None

    def handle_timer(self, *, now: float) -> Data | None:
        """Return the oldest message, to be sent again, if its time has come."""
        return None


class Receiver:
    """Puts messages into order. Holds at most `size` that came too early; further ones are as good as lost."""

    def __init__(self, *, size: int, first: int = 0) -> None:
        self.size = size
        self.wanted = first  # the number that comes next: all before it have been handed over

    def receive(self, data: Data) -> list[bytes]:
        """Take in a message; return the payloads that are now in order, oldest first."""
        self.wanted = add(data.number, 1)
        return [data.payload]
