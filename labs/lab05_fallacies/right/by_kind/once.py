"""Once, with one table; what has no answer is under way."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What is to be done with a request."""

    NEW = "new"  # carry it out, and then `finish` it
    UNDER_WAY = "under way"  # wait until the first one with this identity is finished
    ANSWERED = "answered"  # give the same answer
    DIFFERENT = "different"  # refuse: the identity was used for another request
    FULL = "full"  # refuse: there is no room; nothing has been done


@dataclass(slots=True)
class Known:
    """A request that is known: what it says and, when it has been finished, its answer and since when."""

    words: bytes
    answer: bytes | None = None
    finished_at: float = 0.0


class Once:
    """The requests that are known. `age` is in seconds on the caller's clock."""

    def __init__(self, *, size: int, age: float) -> None:
        self.size = size
        self.age = age
        self._known: dict[str, Known] = {}

    def begin(self, identity: str, words: bytes, *, now: float) -> Verdict:
        """A request has come that says `words`: what is to be done with it."""
        self._forget(now)
        known = self._known.get(identity)
        if known is None:
            if len(self._known) >= self.size:
                return Verdict.FULL
            self._known[identity] = Known(words)
            return Verdict.NEW
        if known.words != words:
            return Verdict.DIFFERENT
        if known.answer is None:
            return Verdict.UNDER_WAY
        return Verdict.ANSWERED

    def finish(self, identity: str, answer: bytes, *, now: float) -> None:
        """The request that was new has been carried out, and this is the answer."""
        known = self._known[identity]
        known.answer = answer
        known.finished_at = now

    def answer(self, identity: str) -> bytes:
        """The answer of an identity that was `ANSWERED`."""
        return self._known[identity].answer

    def _forget(self, now: float) -> None:
        for identity, known in list(self._known.items()):
            if known.answer is not None and now - known.finished_at >= self.age:
                del self._known[identity]
