"""A script of faults that means the same on every generation, whatever its frames look like.

A fault of one lab names frames by that lab's kinds. Here generations are compared whose frames have nothing in common,
so a script says what happens in terms that all of them have: the two programs, the line between them, the time, and
*messages*: frames that carry something the application said. The third message from *players* carries the third answer,
be it in a bare frame, in a numbered one, or in a segment of TCP; a frame that is sent again counts again. What a
protocol says on its own behalf (acknowledgements, handshakes, who has this name?) is no message.

    drop players 3                  the 3rd message from players does not arrive
    duplicate teams 5-7             these arrive twice
    hold players 4 300ms            this one arrives so much later than it should; others may overtake it
    flip teams 9                    the first letter that people would notice arrives as another
    cut 2s-5s                       the line carries nothing, either way
    noise loss 2%                   by chance, all the time, every frame: loss, duplicate or damage
    stop players 1s-4s              the program gets no processor: it reads nothing, and says nothing
    kill players 3s-3.5s            it dies, without a word, and is started again; without an end it stays dead

A line holds one fault; `#` begins a comment. Below the words are `netstack.wire.Fault`, a link's properties, and what a
scene can do to a program: nothing here has a meaning of its own.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from netstack.wire import SECOND, ScriptError, format_duration, parse_duration

PLAYED = ("teams", "players")
NOISES = ("loss", "duplicate", "damage")
MOST = 24  # faults in a script: each is played on each generation, and then all of them together
MOST_BYTES = 1 << 16


class FaultsError(ValueError):
    """A script that cannot be read or played; the text names the file and the line, and says what was expected."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Something done to the messages `first` to `last` that `sender` sends, counted from 1; `hold` in nanoseconds."""

    action: Literal["drop", "duplicate", "hold", "flip"]
    sender: str
    first: int
    last: int
    hold: int = 0

    def __str__(self) -> str:
        span = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        held = f" {format_duration(self.hold)}" if self.action == "hold" else ""
        return f"{self.action} {self.sender} {span}{held}"


@dataclass(frozen=True, slots=True)
class Cut:
    """The line carries nothing from `begin` to `end`, in nanoseconds."""

    begin: int
    end: int

    def __str__(self) -> str:
        return f"cut {_span(self.begin, self.end)}"


@dataclass(frozen=True, slots=True)
class Noise:
    """Each frame is lost, doubled or damaged with this chance, in hundredths of a percent."""

    what: str
    chance: int

    def __str__(self) -> str:
        return f"noise {self.what} {self.chance / 100:g}%"


@dataclass(frozen=True, slots=True)
class Stop:
    """A program gets no processor from `begin` to `end`, in nanoseconds."""

    program: str
    begin: int
    end: int

    def __str__(self) -> str:
        return f"stop {self.program} {_span(self.begin, self.end)}"


@dataclass(frozen=True, slots=True)
class Kill:
    """*players* dies at `begin`, and is started again at `end`, in nanoseconds; or never."""

    begin: int
    end: int | None = None

    def __str__(self) -> str:
        return f"kill players {_span(self.begin, self.end)}"


Fault = Messages | Cut | Noise | Stop | Kill


def _span(begin: int, end: int | None) -> str:
    return _time(begin) + ("" if end is None else f"-{_time(end)}")


def _time(at: int) -> str:
    """A moment as people write it: 8.6s, where `format_duration` has 8600ms."""
    if at < SECOND or at % SECOND == 0:
        return format_duration(at)
    return f"{at // SECOND}.{at % SECOND:09d}".rstrip("0") + "s"


# Reading --------------------------------------------------------------------------------------------------------------


def read(path: Path) -> tuple[Fault, ...]:
    """The faults in the file at `path`; raises `FaultsError`."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise FaultsError(f"{path}: {error.strerror or error}") from None
    if len(content) > MOST_BYTES:
        raise FaultsError(f"{path}: longer than {MOST_BYTES >> 10} KiB is no script of faults")
    return parse(content.decode("utf-8", "replace"), name=str(path))


def parse(text: str, *, name: str = "the script") -> tuple[Fault, ...]:
    """The faults in `text`, in order; raises `FaultsError`, which calls the script `name`."""
    found: list[Fault] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            found.append(_fault(words))
            _fits(found)
        except (_Unreadable, ScriptError) as error:
            raise FaultsError(f"{name}, line {number}: {error}") from None
    if not found:
        raise FaultsError(f"{name}: no fault in it; a line such as 'drop players 3' is one")
    return tuple(found)


class _Unreadable(Exception):
    """What is wrong with a line; `parse` adds which."""


def _fault(words: Sequence[str]) -> Fault:
    match words:
        case ["drop" | "duplicate" | "flip" as action, sender, numbers]:
            return Messages(action, _program(sender), *_numbers(numbers))
        case ["hold", sender, numbers, duration]:
            return Messages("hold", _program(sender), *_numbers(numbers), parse_duration(duration))
        case ["cut", span]:
            return Cut(*_times(span))
        case ["noise", what, chance]:
            return Noise(_one_of(NOISES, what), _percent(chance))
        case ["stop", program, span]:
            return Stop(_program(program), *_times(span))
        case ["kill", "players", span] if "-" in span:
            return Kill(*_times(span))
        case ["kill", "players", moment]:
            return Kill(parse_duration(moment))
        case ["kill", *_]:
            raise _Unreadable("write 'kill players 3s' or 'kill players 3s-4s': only players can die here")
        case [action, *_] if action in EXAMPLES:
            raise _Unreadable(f"{' '.join(words)!a}: write it as in '{EXAMPLES[action]}'")
    raise _Unreadable(f"{words[0]!a} is no fault: there are {', '.join(EXAMPLES)} and kill")


EXAMPLES = {
    "drop": "drop players 3",
    "duplicate": "duplicate teams 5-7",
    "hold": "hold players 4 300ms",
    "flip": "flip teams 9",
    "cut": "cut 2s-5s",
    "noise": "noise loss 2%",
    "stop": "stop players 1s-4s",
}


def _one_of(known: Sequence[str], word: str) -> str:
    if word not in known:
        raise _Unreadable(f"{word!a} is none of {', '.join(known)}")
    return word


def _program(word: str) -> str:
    return _one_of(PLAYED, word)


def _numbers(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text, re.ASCII)
    if not match or not 1 <= int(match[1]) <= int(match[2] or match[1]):
        raise _Unreadable(f"{text!a} is no number of a message: write 3, or 5-7; they are counted from 1")
    return int(match[1]), int(match[2] or match[1])


def _times(text: str) -> tuple[int, int]:
    begin, dash, end = text.partition("-")
    if not dash:
        raise _Unreadable(f"{text!a}: from when to when? Write it as in 2s-5s")
    times = parse_duration(begin), parse_duration(end)
    if times[0] >= times[1]:
        raise _Unreadable(f"{text!a}: the end must lie after the beginning")
    return times


def _percent(text: str) -> int:
    match = re.fullmatch(r"(\d{1,3})(?:\.(\d{1,2}))?%", text, re.ASCII)
    chance = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else 0
    if not 0 < chance <= 100_00:
        raise _Unreadable(f"{text!a} is no chance: write 2% or 0.5%, up to 100%")
    return chance


def _fits(faults: Sequence[Fault]) -> None:
    """The last of `faults` can happen together with those before it; raises `_Unreadable`."""
    *before, last = faults
    if len(faults) > MOST:
        raise _Unreadable(f"a script has at most {MOST} faults")
    if last in before:
        raise _Unreadable(f"'{last}' stands there already")
    match last:
        case Noise():
            if any(isinstance(each, Noise) and each.what == last.what for each in before):
                raise _Unreadable(f"the line has its noise of {last.what} already")
        case Kill():
            for kill in (each for each in before if isinstance(each, Kill)):
                if not (_ends(kill) < last.begin or _ends(last) < kill.begin):
                    raise _Unreadable(f"players is dead then: '{kill}' stands there already")


def _ends(kill: Kill) -> float:
    return float("inf") if kill.end is None else kill.end


def kills(faults: Iterable[Fault]) -> list[Kill]:
    """The deaths of *players*, in order."""
    return sorted((each for each in faults if isinstance(each, Kill)), key=lambda kill: kill.begin)
