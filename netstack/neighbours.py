"""Neighbours: who on this wire has that name, and at which address.

Cards know addresses, people know names. On one wire there is no need for a directory: whoever wants to know shouts
*who has this name?* to everybody, and the one whose name it is answers, to the asker alone, *I am*. The answer's source
address is the address sought.

A search is given up after `QUERIES` questions, `QUERY_EVERY` seconds apart, for a wire may lose any of them. What was
learnt is believed for `LIFETIME` seconds and no longer, for machines move, and nobody announces that.

What always holds: a station answers for its own name and no other; an address is handed out only while it is fresh; at
any time there is at most one search for a name, and each ends.

Prior art: ARP (RFC 826), which asks for the card's address of a network address; mDNS, which asks for names. As with
ARP, anybody may answer anything: see `privacy`.

    kind            1 byte     1 who-has, 2 I-am
    name           16 bytes    UTF-8, filled up with zeros
"""

from dataclasses import dataclass

WHO_HAS = 1
I_AM = 2
NAME_LENGTH = 16
"""Bytes that a name takes on the wire, and the most that it may have."""

LIFETIME = 30.0
"""Seconds for which an address is believed."""
QUERY_EVERY = 0.5
"""Seconds between two questions of one search."""
QUERIES = 3
"""Questions in one search."""


class MalformedError(ValueError):
    """Bytes that are no message of this kind."""


def build(kind: int, name: str) -> bytes:
    """Return the message; raises `ValueError` for a name that does not fit."""
    encoded = name.encode()
    if not 0 < len(encoded) <= NAME_LENGTH or 0 in encoded:
        raise ValueError(f"a name has 1 to {NAME_LENGTH} bytes, none of them zero: {name!r}")
    return bytes((kind,)) + encoded.ljust(NAME_LENGTH, b"\0")


def parse(message: bytes) -> tuple[int, str]:
    """Return kind and name, whatever padding follows; raises `MalformedError` and nothing else."""
    kind, field = message[:1], message[1 : 1 + NAME_LENGTH]
    if kind not in (b"\1", b"\2") or len(field) < NAME_LENGTH:
        raise MalformedError("neither a who-has nor an I-am")
    name = field.rstrip(b"\0")
    if not name or 0 in name:
        raise MalformedError("no name, or zeros within it")
    try:
        return kind[0], name.decode()
    except UnicodeDecodeError:
        raise MalformedError("the name is not UTF-8") from None


@dataclass(slots=True)
class _Search:
    """A search under way: when the next question is due, and how many were asked."""

    due: float
    asked: int = 0


class Neighbours:
    """What the station called `name` knows of the others. Times are seconds on the caller's clock."""

    def __init__(self, name: str) -> None:
        self._i_am = build(I_AM, name)
        self._name = name
        self._known: dict[str, tuple[bytes, float]] = {}
        self._searches: dict[str, _Search] = {}

    def address_of(self, name: str, *, now: float) -> bytes | None:
        """Return the address of `name`, if it was learnt less than `LIFETIME` ago."""
        address, learnt = self._known.get(name, (None, 0.0))
        return address if now - learnt < LIFETIME else None

    def search(self, name: str, *, now: float) -> None:
        """Begin to look for `name`, unless that is under way; the first question is due at once."""
        self._searches.setdefault(name, _Search(due=now))

    def searching(self, name: str) -> bool:
        """Whether a search for `name` is under way; it ends with an answer, or is given up."""
        return name in self._searches

    def receive(self, source: bytes, message: bytes, *, now: float) -> bytes | None:
        """Take in a message from the address `source`; return the answer to send there, if it asks for one.

        Malformed messages are ignored.
        """
        try:
            kind, name = parse(message)
        except MalformedError:
            return None
        if kind == WHO_HAS:
            return self._i_am if name == self._name else None
        self._known[name] = (source, now)
        self._searches.pop(name, None)
        return None

    def next_timer(self) -> float | None:
        """When `handle_timer` next has something to do, if ever."""
        return min((search.due for search in self._searches.values()), default=None)

    def handle_timer(self, *, now: float) -> list[bytes]:
        """Return the questions that are due, to be sent to everybody; give up the searches that asked often enough."""
        questions = []
        for name, search in list(self._searches.items()):
            if search.due > now:
                continue
            if search.asked == QUERIES:
                del self._searches[name]
            else:
                search.asked += 1
                search.due = now + QUERY_EVERY
                questions.append(build(WHO_HAS, name))
        return questions
