"""The language of the scripts, after packetdrill's: read from text into `script.Script`.

    script  = { "--" NAME "=" VALUE } { time event }
    time    = "*" | seconds | "+" seconds | either "~" seconds | either "..." seconds
    event   = "<" packet | ">" packet | call | "%{" claims "}%"
    packet  = [ "[" ecn "]" ] flags from ":" to "(" length ")" [ "ack" n ] [ "win" n [ "~" n ] ] [ "urg" n ] [ options ]
            | "icmp" "unreachable" code [ "mtu" n ] [ "[" from ":" to "(" length ")" "]" ]
    options = "<" option { "," option } ">" | "<...>"
    call    = NAME "(" arguments ")" "=" ( n | "-1" ERRNO | "..." ) [ "(" words ")" ]

The idea and the look of it are packetdrill's (Cardwell and others, USENIX ATC 2013), written anew from its description.
Ours are: `win a~b`, what may be asserted (`assertion`), and `--settings`, which mean the same on every ground
(`settings`). Its lines of shell and C are refused: a script does nothing but talk TCP. `//`, `#` and `/* */` begin
comments; the first ones say what the script shows.
"""

import errno
import re
from collections.abc import Iterator

from labs.pkt.assertion import Assertion, AssertionFault
from labs.pkt.calls import Argument, CallFault, understand
from labs.pkt.script import (
    ANYTHING,
    LETTERS,
    Action,
    Call,
    Event,
    Option,
    Script,
    ScriptError,
    Segment,
    Unreachable,
    When,
)
from labs.pkt.settings import SettingsFault, Setup
from labs.pkt.settings import understand as understand_settings
from labs.pkt.tokens import Tokens
from netstack.packets import icmp
from netstack.packets.ipv4 import CE, ECT0, ECT1, NOT_ECT

MOST_CHARACTERS = 1 << 20
MOST_SECONDS = 3600.0
MOST_NESTED = 8

ECN = {"noecn": NOT_ECT, "ect0": ECT0, "ect1": ECT1, "ce": CE}
CODES = {
    "net_unreachable": icmp.NET_UNREACHABLE,
    "host_unreachable": icmp.HOST_UNREACHABLE,
    "protocol_unreachable": icmp.PROTOCOL_UNREACHABLE,
    "port_unreachable": icmp.PORT_UNREACHABLE,
    "frag_needed": icmp.FRAGMENTATION_NEEDED,
    "source_route_failed": icmp.SOURCE_ROUTE_FAILED,
    "admin_prohibited": icmp.PROHIBITED,
}
PLAIN_OPTIONS = {"nop": 0, "eol": 0, "sackOK": 0, "mss": 1, "wscale": 1}
"""Options that are a name and so many numbers."""

_SETTING = re.compile(r"--(?P<name>\w+)[= ](?P<value>[^ \n]*)")


def read(text: str, name: str = "script") -> Script:
    """Understand a script; raises `ScriptError`."""
    if len(text) > MOST_CHARACTERS:
        raise ScriptError(f"a script has at most {MOST_CHARACTERS} characters", 1, 1)
    reader = _Reader(text)
    setup = reader.setup()
    events = tuple(reader.events())
    return Script(name=name, events=events, setup=setup, **_header(text))


def _header(text: str) -> dict[str, str]:
    """What the comments before the first line of script say."""
    said: dict[str, str] = {}
    about: list[str] = []
    for line in text.splitlines():
        if not (comment := re.match(r"\s*(?://|#)\s?(.*)", line)):
            if line.strip() and not line.startswith("--"):
                break
            continue
        key, colon, value = comment[1].partition(":")
        if colon and key in ("differs-from-linux", "linux-says"):
            said[key] = value.strip()
        elif comment[1].strip():
            about.append(comment[1].strip())
    return {
        "about": " ".join(about),
        "differs": said.get("differs-from-linux", ""),
        "linux_says": said.get("linux-says", ""),
    }


class _Reader(Tokens):
    """Reads from left to right."""

    def setup(self) -> Setup:
        """The lines `--settings name=value,…` at the top."""
        found: dict[str, str] = {}
        setup = Setup()
        while line := re.compile(r"(?:[ \t]*(?://|#)[^\n]*\n|[ \t\r]*\n)*--").match(self._text, self._at):
            start = line.end() - 2
            setting = _SETTING.match(self._text, start)
            if setting is None or setting["name"] != "settings":
                raise self._error("the only option is --settings NAME=VALUE,…", start)
            for pair in setting["value"].split(","):
                key, equals, value = pair.partition("=")
                if not (key and equals):
                    raise self._error(f"a setting is written NAME=VALUE, not {pair!r}", start)
                found[key] = value
            self._at = setting.end()
            try:
                setup = understand_settings(found)
            except SettingsFault as fault:
                raise self._error(str(fault), start) from None
        return setup

    def events(self) -> Iterator[Event]:
        """Everything else."""
        self._begin()
        while (token := self._next) is not None:
            when = self._time()
            action = self._action(when)
            line, column = self._place(token.start)
            text = " ".join(self._text[token.start : self._last].split())
            yield Event(when=when, action=action, text=text, line=line, column=column)

    # Times

    def _seconds(self) -> float:
        token = self._next
        if token is None or token.kind != "number" or token.text[:2].lower() == "0x":
            raise self._error(f"here belongs a time in seconds, not {self._seen()}")
        if (seconds := float(token.text)) > MOST_SECONDS:
            raise self._error(f"a script lasts at most {MOST_SECONDS:.0f} s")
        self._take()
        return seconds

    def _time(self) -> When:
        if self._skip("*"):
            return When(any_time=True)
        relative = self._skip("+")
        start = self._seconds()
        if self._skip("~"):
            self._skip("+")
            begun, latest = self._next, self._seconds()
            if latest < start:
                raise self._error("a range ends before it begins", begun)
            return When(earliest=start, latest=latest, relative=relative)
        if self._skip(ANYTHING):
            self._skip("+")
            begun, until = self._next, self._seconds()
            if until < start:
                raise self._error("a call returns before it begins", begun)
            return When(earliest=start, latest=start, relative=relative, until=until)
        return When(earliest=start, latest=start, relative=relative)

    # Events

    def _action(self, when: When) -> Action:
        token = self._next
        if token is None:
            raise self._error("a time, and nothing that happens then")
        is_expected = self._sees(">")
        if not is_expected and (when.any_time or when.latest != when.earliest):
            raise self._error("only a packet that is expected (>) may come at a time that is not fixed")
        if when.until is not None and token.kind != "word":
            raise self._error("only a system call blocks (a...b)")
        if is_expected or self._sees("<"):
            self._take()
            return self._packet(inbound=not is_expected)
        if token.kind == "claim":
            self._take()
            try:
                return Assertion.parse(token.text[2:-2])
            except AssertionFault as fault:
                raise self._error(str(fault), token) from None
        return self._call()

    def _packet(self, *, inbound: bool) -> Segment | Unreachable:
        if self._sees("icmp"):
            if not inbound:
                raise self._error("ICMP only comes in: an expected packet is TCP's")
            return self._unreachable()
        ecn = None
        if self._skip("["):
            begun, name = self._next, self._word("what ECN says")
            if name not in ECN:
                raise self._error(f"ECN says one of {', '.join(ECN)}", begun)
            ecn = ECN[name]
            self._expect("]")
        flags = self._flags()
        start, length = self._range()
        acknowledgement = self._number("an acknowledgement") if self._skip("ack") else None
        window = self._window() if self._skip("win") else None
        urgent = self._number("an urgent pointer", 0xFFFF) if self._skip("urg") else 0
        options: tuple[Option, ...] | None = ()
        if self._starts_options():
            options = self._options()
        if inbound and options is None:
            raise self._error("a packet that is sent has options of its own: <...> is for expected ones")
        return Segment(
            inbound=inbound,
            flags=flags,
            start=start,
            length=length,
            acknowledgement=acknowledgement,
            window=window,
            options=options,
            ecn=ecn,
            urgent=urgent,
        )

    def _flags(self) -> int:
        flags, seen = 0, False
        begun = self._next
        while self._next is not None and (self._next.kind == "word" or self._next.text in (".", "-")):
            for letter in self._take().text.replace("C", "W"):
                if letter not in LETTERS + "-":
                    raise self._error(
                        f"flags are letters of F S R P . U E W, or - for none; not {letter!r}",
                        begun,
                    )
                flags |= 1 << LETTERS.index(letter) if letter != "-" else 0
            seen = True
        if not seen:
            raise self._error(f"here belong the flags of a segment, not {self._seen()}")
        return flags

    def _range(self) -> tuple[int, int]:
        start = self._number("a sequence number")
        self._expect(":")
        begun, end = self._next, self._number("a sequence number")
        self._expect("(")
        length = self._number("a length", 65495)
        self._expect(")")
        if (start + length) % 2**32 != end:
            raise self._error(f"{start} and {length} bytes make {start + length}, not {end}", begun)
        return start, length

    def _window(self) -> tuple[int, int]:
        least = self._number("a window", 0xFFFF)
        return least, self._number("a window", 0xFFFF) if self._skip("~") else least

    def _starts_options(self) -> bool:
        """A `<` behind a packet opens its options, unless a time stands between; but a time is no sign."""
        return self._sees("<")

    def _options(self) -> tuple[Option, ...] | None:
        self._expect("<")
        if self._skip(ANYTHING):
            self._expect(">")
            return None
        options: list[Option] = []
        while not self._sees(">"):
            if options:
                self._expect(",")
            options.append(self._option())
        self._expect(">")
        return tuple(options)

    def _option(self) -> Option:
        begun, name = self._next, self._word("an option's name")
        if name == "TS":
            self._expect("val")
            value = self._number("a timestamp")
            self._expect("ecr")
            return Option("TS", (value, self._number("a timestamp")))
        if name == "sack":
            numbers: list[int] = []
            while self._next is not None and self._next.kind == "number":
                numbers.append(self._number("a sequence number"))
                self._expect(":")
                numbers.append(self._number("a sequence number"))
            if not 2 <= len(numbers) <= 8:
                raise self._error("SACK tells of one to four blocks, written from:to", begun)
            return Option("sack", tuple(numbers))
        if name not in PLAIN_OPTIONS:
            known = ", ".join([*PLAIN_OPTIONS, "sack", "TS"])
            raise self._error(f"there is no option {name!r}; there are {known}", begun)
        most = 0xFF if name == "wscale" else 0xFFFF
        return Option(name, tuple(self._number(f"what {name} says", most) for _ in range(PLAIN_OPTIONS[name])))

    def _unreachable(self) -> Unreachable:
        self._expect("icmp")
        self._expect("unreachable")
        begun, name = self._next, self._word("why")
        if name not in CODES:
            raise self._error(f"there is no code {name!r}; there are {', '.join(CODES)}", begun)
        mtu = self._number("an MTU", 0xFFFF) if self._skip("mtu") else 0
        start, length = 0, 0
        if self._skip("["):
            start, length = self._range()
            self._expect("]")
        return Unreachable(code=CODES[name], mtu=mtu, start=start, length=length)

    # Calls

    def _call(self) -> Call:
        begun, name = self._next, self._word("a packet (< or >), a system call, or a claim (%{)")
        self._expect("(")
        arguments = tuple(self._arguments(")", 0))
        self._expect("=")
        returns, error = self._result()
        try:
            return understand(name, arguments, returns, error)
        except CallFault as fault:
            raise self._error(str(fault), begun) from None

    def _result(self) -> tuple[int | None, str]:
        if self._skip(ANYTHING):
            return None, ""
        minus = self._skip("-")
        returns, error = self._number("what the call returns"), ""
        if minus:
            begun, error = self._next, self._word("an error's name")
            if error not in errno.errorcode.values():
                raise self._error(f"there is no error {error!r}", begun)
        if self._skip("("):  # strace's words for an error
            while not self._skip(")"):
                self._take()
        return (-returns if minus else returns), error

    def _arguments(self, end: str, depth: int) -> Iterator[Argument]:
        if depth > MOST_NESTED:
            raise self._error("too many brackets in each other")
        is_first = True
        while not self._skip(end):
            if not is_first:
                self._expect(",")
            is_first = False
            yield self._argument(depth)

    def _argument(self, depth: int) -> Argument:
        if self._skip(ANYTHING):
            return ANYTHING
        if self._skip("["):
            return tuple(self._arguments("]", depth + 1))
        if self._skip("{"):
            return self._structure(depth + 1)
        if self._next is not None and self._next.kind == "string":
            return self._take().text[1:-1]
        if self._skip("-"):
            return -self._number("a number")
        if self._next is not None and self._next.kind == "number":
            return self._number("a number")
        words = [self._word("an argument")]
        while self._skip("|"):
            words.append(self._word("another flag"))
        return "|".join(words)

    def _structure(self, depth: int) -> dict[str, Argument]:
        if depth > MOST_NESTED:
            raise self._error("too many brackets in each other")
        fields: dict[str, Argument] = {}
        while not self._skip("}"):
            if fields:
                self._expect(",")
            name = self._word("a field's name")
            self._expect("=")
            fields[name] = self._argument(depth)
        return fields
