"""Multiplexing: many conversations on one wire, none of which hears another.

So far there is but one conversation, and whatever comes belongs to it. The handout, step 5, says what to write.
"""

from dataclasses import dataclass


class BusyError(Exception):
    """All numbers are taken by conversations that are open."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with the station at the address `peer`, and whether it was opened here."""

    peer: bytes
    number: int
    opened_here: bool


class Multiplexer:
    """The conversations of one station."""

    def __init__(self) -> None:
        self._conversation: Conversation | None = None

    def open(self, peer: bytes) -> Conversation:
        """Open a conversation with the station at `peer`; raises `BusyError` while all numbers are taken."""
        self._conversation = Conversation(peer, 1, opened_here=True)
        return self._conversation

    def close(self, conversation: Conversation) -> None:
        """Forget a conversation that was opened here; what still comes for it is dropped."""
        self._conversation = None

    def send(self, conversation: Conversation, data: bytes) -> bytes:
        """Return the message that says `data` in `conversation`."""
        return (b"\3" if conversation.opened_here else b"\4") + data

    def receive(self, source: bytes, message: bytes) -> tuple[Conversation, bytes] | None:
        """Return the conversation to which a message from `source` belongs, and what it says; or None."""
        data = message[1:].rstrip(b"\0")
        if self._conversation is not None:
            return self._conversation, data
        return Conversation(source, 1, opened_here=False), data
