"""The words and signs of a script, one after another, with a look at the next; and what is wrong where."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from labs.pkt.script import ScriptError

_PATTERN = re.compile(
    r"""(?P<blank>[ \t\r\n]+|//[^\n]*|\#[^\n]*|/\*.*?\*/)
      | (?P<claim>%\{.*?\}%)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<number>0[xX][0-9a-fA-F]+|[0-9]+\.[0-9]+|[0-9]+|\.[0-9]+)
      | (?P<dots>\.\.\.)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>[-+*~<>=.:,()\[\]{}|])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a sign, and where in the text it stands."""

    kind: str
    text: str
    start: int
    end: int


class Tokens:
    """Stands somewhere in a text, one token ahead. Whatever does not fit raises `ScriptError`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._last = 0  # the end of the token that was taken last
        self._next: Token | None = None
        self._tokens = self._scan()

    def _begin(self) -> None:
        self._next = next(self._tokens, None)

    def _scan(self) -> Iterator[Token]:
        while self._at < len(self._text):
            match = _PATTERN.match(self._text, self._at)
            if match is None:
                raise self._error(self._why_not(), self._at)
            self._at = match.end()
            if match.lastgroup != "blank":
                yield Token(str(match.lastgroup), match[0], match.start(), match.end())

    def _why_not(self) -> str:
        rest = self._text[self._at : self._at + 2]
        if rest.startswith("`"):
            return "commands of the shell are not run; --settings at the top tells a ground what to be like"
        unfinished = {
            "%{": "a claim that no }% ends",
            "/*": "a comment that no */ ends",
            '"': "text that no quote ends",
        }
        return unfinished.get(rest) or unfinished.get(rest[:1]) or f"a sign that means nothing here: {rest[:1]!r}"

    def _place(self, at: int) -> tuple[int, int]:
        before = self._text[:at]
        return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1

    def _error(self, message: str, at: Token | int | None = None) -> ScriptError:
        """What is wrong, and where: at the next token unless it is said."""
        at = self._next if at is None else at
        if not isinstance(at, int):
            at = at.start if at else len(self._text)
        return ScriptError(message, *self._place(at))

    def _take(self) -> Token:
        token = self._next
        if token is None:
            raise self._error("the script ends in the midst of an event")
        self._last = token.end
        self._next = next(self._tokens, None)
        return token

    def _sees(self, text: str) -> bool:
        return self._next is not None and self._next.text == text and self._next.kind != "string"

    def _skip(self, text: str) -> bool:
        if self._sees(text):
            self._take()
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            raise self._error(f"here belongs {text!r}, not {self._seen()}")

    def _seen(self) -> str:
        return repr(self._next.text[:40]) if self._next else "the script's end"

    def _word(self, what: str) -> str:
        if self._next is None or self._next.kind != "word":
            raise self._error(f"here belongs {what}, not {self._seen()}")
        return self._take().text

    def _number(self, what: str, most: int = 2**32 - 1) -> int:
        token = self._next
        if token is None or token.kind != "number" or "." in token.text:
            raise self._error(f"here belongs {what}, a whole number, not {self._seen()}")
        number = int(token.text, 16 if token.text[:2].lower() == "0x" else 10) if len(token.text) <= 20 else most + 1
        if number > most:
            raise self._error(f"{what} is at most {most}")
        self._take()
        return number
