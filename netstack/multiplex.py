"""Multiplexing: many conversations on one wire, none of which hears another.

A station has one card, and many that want to talk. So each message says to which *conversation* it belongs: a number,
chosen by the side that opened it. Two stations may open conversations with the same number at the same time, therefore
the kind of a message says who opened: *ask* comes from the opener, *answer* goes to it. A conversation is thus known by
three things: the other station's address, the number, and which side opened it.

Ethernet carries no less than 46 bytes; a card fills up what is shorter. So each message says how long it is, too.

What always holds: what `receive` returns belongs to a conversation that is open here, or was opened by the other side;
data comes out exactly as long as it went in; a number is not used again before all the others have been, because an
answer may come so late that its asker has given up.

Prior art: the ports of NCP and TCP; the stream identifiers of HTTP/2, whose odd and even numbers say who opened.

    kind            1 byte     3 ask, 4 answer
    conversation    1 byte     1 to 255
    length          2 bytes    of the data, highest byte first
    data            …          and perhaps padding after it
"""

import struct
from dataclasses import dataclass

ASK = 3
ANSWER = 4
NUMBERS = 255
"""Conversations that one station can have open at a time."""
LONGEST = 1496
"""Bytes of data in the longest message: what Ethernet carries, without our header."""

_HEADER = struct.Struct("!BBH")


class MalformedError(ValueError):
    """Bytes that are no message of this kind."""


class BusyError(Exception):
    """All numbers are taken by conversations that are open."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with the station at the address `peer`, and whether it was opened here."""

    peer: bytes
    number: int
    opened_here: bool


def build(kind: int, number: int, data: bytes) -> bytes:
    """Return the message; raises `ValueError` for more data than a frame can hold."""
    if len(data) > LONGEST:
        raise ValueError(f"a message holds at most {LONGEST} bytes of data, not {len(data)}")
    return _HEADER.pack(kind, number, len(data)) + data


def parse(message: bytes) -> tuple[int, int, bytes]:
    """Return kind, number and data, without padding; raises `MalformedError` and nothing else."""
    if len(message) < _HEADER.size:
        raise MalformedError("shorter than its header")
    kind, number, length = _HEADER.unpack_from(message)
    data = message[_HEADER.size : _HEADER.size + length]
    if kind not in (ASK, ANSWER) or not number or len(data) < length:
        raise MalformedError("neither an ask nor an answer, or cut short")
    return kind, number, data


class Multiplexer:
    """The conversations of one station."""

    def __init__(self) -> None:
        self._open: dict[int, Conversation] = {}
        self._last = 0

    def open(self, peer: bytes) -> Conversation:
        """Open a conversation with the station at `peer`; raises `BusyError` while all numbers are taken."""
        if len(self._open) == NUMBERS:
            raise BusyError(f"{NUMBERS} conversations are open")
        while True:
            self._last = self._last % NUMBERS + 1
            if self._last not in self._open:
                break
        self._open[self._last] = Conversation(peer, self._last, opened_here=True)
        return self._open[self._last]

    def close(self, conversation: Conversation) -> None:
        """Forget a conversation that was opened here; what still comes for it is dropped."""
        self._open.pop(conversation.number, None)

    def send(self, conversation: Conversation, data: bytes) -> bytes:
        """Return the message that says `data` in `conversation`."""
        return build(ASK if conversation.opened_here else ANSWER, conversation.number, data)

    def receive(self, source: bytes, message: bytes) -> tuple[Conversation, bytes] | None:
        """Return the conversation to which a message from `source` belongs, and what it says.

        None for what is malformed, and for answers in conversations that are not open with that station.
        """
        try:
            kind, number, data = parse(message)
        except MalformedError:
            return None
        conversation = Conversation(source, number, opened_here=kind == ANSWER)
        if kind == ANSWER and self._open.get(number) != conversation:
            return None
        return conversation, data
