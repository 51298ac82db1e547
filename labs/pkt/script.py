"""What a script is: a list of events, each at a time. Frozen values; `language` reads them, `runner` plays them.

Sequence numbers count from the first SYN of their direction, which is 0; acknowledgements from the other one's.
"""

from dataclasses import dataclass

from labs.pkt.assertion import Assertion
from labs.pkt.settings import Setup

LETTERS = "FSRP.UEW"
"""tcpdump's letter for each flag of TCP, lowest bit first."""

ANYTHING = "..."
"""Written for an argument that does not matter, or for options that may be any."""


class ScriptError(Exception):
    """A script that cannot be understood; says where, in lines and columns from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message, self.line, self.column = message, line, column


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """When something happens, in seconds. `relative`: after the event before; else after the script's beginning.

    `earliest` and `latest` differ in a range `a~b`. `any_time` is `*`. `until` is when a blocking call `a...b` returns.
    """

    earliest: float = 0.0
    latest: float = 0.0
    relative: bool = True
    any_time: bool = False
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One option of TCP, or filler: its name as it is written, and its numbers."""

    name: str
    numbers: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.name == "TS":
            return "TS val {} ecr {}".format(*self.numbers)
        if self.name == "sack":
            return " ".join(["sack", *(f"{a}:{b}" for a, b in zip(*[iter(self.numbers)] * 2, strict=True))])
        return " ".join([self.name, *map(str, self.numbers)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment of TCP. What is None is not said, and can be anything in one that is expected."""

    inbound: bool
    flags: int
    start: int
    length: int
    acknowledgement: int | None = None
    window: tuple[int, int] | None = None
    options: tuple[Option, ...] | None = ()
    ecn: int | None = None
    urgent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """ICMP's "destination unreachable" that comes in, about the segment `start`, `length` of ours."""

    code: int
    mtu: int = 0
    start: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Polled:
    """One socket of a `poll`: the events waited for, and those that are to be found; both sets of names."""

    socket: int
    events: frozenset[str]
    found: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A system call, and what it is to return: `returns` is None for `...`, `error` an errno's name or "".

    `socket` is the script's number of the socket, also of one that is made by `socket`; `accept` makes one numbered
    `returns`. `number` says how many bytes, connections, milliseconds, or an option's value; `option` which one.
    """

    name: str
    socket: int = -1
    number: int = 0
    option: str = ""
    nonblocking: bool = False
    polled: tuple[Polled, ...] = ()
    returns: int | None = None
    error: str = ""


Action = Segment | Unreachable | Call | Assertion


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An action, when it is to happen, and how and where that is written."""

    when: When
    action: Action
    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A whole script. `about` is its first sentence; `differs` says why Linux does otherwise, if it does."""

    name: str
    events: tuple[Event, ...]
    setup: Setup = Setup()
    about: str = ""
    differs: str = ""
    linux_says: str = ""

    @property
    def clause(self) -> str:
        """What its name says it is about: `rfc9293_3_5_handshake` is "RFC 9293 (3.5)"; "" for other names."""
        first, *rest = self.name.split("_")
        if not first.startswith("rfc") or not first[3:].isdigit():
            return ""
        numbers = []
        for part in rest:
            if not part.isdigit():
                break
            numbers.append(part)
        return f"RFC {first[3:]}" + (f" ({'.'.join(numbers)})" if numbers else "")
