"""Once: the table by which whoever serves knows a request again, so that a retry is safe.

An answer that is lost looks, to whoever waits for it, like a request that was lost. So they ask again, and what was
meant once is done twice, unless the two can be told to be the same. A request therefore carries an *identity*, made by
whoever means it, the same on every retry; and the server keeps, for each, that it is under way, or what came of it.

What always holds: of the requests with one identity exactly one is carried out, as long as the table knows it. It knows
it while it is under way and for `age` seconds after it was finished, and no crowd makes it forget earlier: the table
holds at most `size` identities, and where all are needed, a new one is turned away, which is safe, for nothing has been
done. Whoever retries after `age` seconds may be served twice; that is what an age means. Prior art: Birrell and Nelson,
*Implementing Remote Procedure Calls*, 1984.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What is to be done with a request."""

    NEW = "new"  # carry it out, and then `finish` it
    UNDER_WAY = "under way"  # wait until the first one with this identity is finished
    ANSWERED = "answered"  # give the same answer
    DIFFERENT = "different"  # refuse: the identity was used for another request
    FULL = "full"  # refuse: there is no room; nothing has been done


@dataclass(slots=True)
class Entry:
    """What is known of an identity. `until` is None while it is under way."""

    words: bytes
    answer: bytes = b""
    until: float | None = None


@dataclass(slots=True)
class Once:
    """The requests that are known. `age` is in seconds on the caller's clock."""

    size: int
    age: float
    _known: dict[str, Entry] = field(default_factory=dict)

    def begin(self, identity: str, words: bytes, *, now: float) -> Verdict:
        """A request has come that says `words`: what is to be done with it."""
        self._forget(now)
        entry = self._known.get(identity)
        if entry is None:
            if len(self._known) >= self.size:
                return Verdict.FULL
            self._known[identity] = Entry(words)
            return Verdict.NEW
        if entry.words != words:
            return Verdict.DIFFERENT
        return Verdict.UNDER_WAY if entry.until is None else Verdict.ANSWERED

    def finish(self, identity: str, answer: bytes, *, now: float) -> None:
        """The request that was new has been carried out, and this is the answer."""
        entry = self._known[identity]
        entry.answer, entry.until = answer, now + self.age

    def answer(self, identity: str) -> bytes:
        """The answer of an identity that was `ANSWERED`."""
        return self._known[identity].answer

    def _forget(self, now: float) -> None:
        old = [name for name, entry in self._known.items() if entry.until is not None and now >= entry.until]
        for name in old:
            del self._known[name]
