"""Once: the table by which whoever serves knows a request again, so that a retry is safe.

So far every request is new. The handout, step 5, says what to write.
"""

from enum import StrEnum


class Verdict(StrEnum):
    """What is to be done with a request."""

    NEW = "new"  # carry it out, and then `finish` it
    UNDER_WAY = "under way"  # wait until the first one with this identity is finished
    ANSWERED = "answered"  # give the same answer
    DIFFERENT = "different"  # refuse: the identity was used for another request
    FULL = "full"  # refuse: there is no room; nothing has been done


class Once:
    """The requests that are known. `age` is in seconds on the caller's clock."""

    def __init__(self, *, size: int, age: float) -> None:
        self.size = size
        self.age = age

    def begin(self, identity: str, words: bytes, *, now: float) -> Verdict:
        """A request has come that says `words`: what is to be done with it."""
        return Verdict.NEW

    def finish(self, identity: str, answer: bytes, *, now: float) -> None:
        """The request that was new has been carried out, and this is the answer."""

    def answer(self, identity: str) -> bytes:
        """The answer of an identity that was `ANSWERED`."""
        return b""
