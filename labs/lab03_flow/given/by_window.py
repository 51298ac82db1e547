"""Step 3: your `window.py`, put between the wire and the reader. Whether the reader has read does not count yet."""

from window import Receiver, Sender

from netstack.flow.messages import Ack, Data


def sender(settings) -> Sender:
    """The sending end; your class has all that `Outgoing` asks for."""
    return Sender(size=settings["window"], timeout=settings["timeout"], first=settings["first"])


def receiver(settings) -> "InOrder":
    """The receiving end."""
    return InOrder(Receiver(size=settings["window"], first=settings["first"]), settings["window"])


class InOrder:
    """Your `Receiver`, as `Incoming` wants it: it answers with the number that it wants next."""

    def __init__(self, receiver: Receiver, size: int) -> None:
        self._receiver = receiver
        self._size = size

    def receive(self, data: Data) -> list[bytes]:
        """What is to be handed over now."""
        return self._receiver.receive(data)

    def answer(self) -> Ack:
        """What to say to whatever has come in."""
        return Ack(self._receiver.wanted, self._size)

    def consumed(self, total: int) -> None:
        """Nothing is said of it."""
