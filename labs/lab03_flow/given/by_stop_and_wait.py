"""Step 2: your `stop_and_wait.py`, put between the wire and the reader."""

from stop_and_wait import Receiver, Sender

from netstack.flow.messages import Ack, Data


def sender(settings) -> Sender:
    """The sending end; your class has all that `Outgoing` asks for."""
    return Sender(settings["timeout"])


def receiver(settings) -> "OneByOne":
    """The receiving end."""
    return OneByOne(Receiver())


class OneByOne:
    """Your `Receiver`, as `Incoming` wants it."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._consumed = 0

    def receive(self, data: Data) -> list[bytes]:
        """What is to be handed over now."""
        payload = self._receiver.receive(data)
        return [] if payload is None else [payload]

    def answer(self) -> Ack | None:
        """What to say to whatever has come in."""
        return self._receiver.ack()

    def consumed(self, total: int) -> Ack | None:
        """Pass on that more was read; return what is to be said unasked."""
        for _ in range(total - self._consumed):
            self._receiver.consumed()
        self._consumed = total
        return self._receiver.ack()
