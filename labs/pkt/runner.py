"""Playing a script on a ground: each event in its turn, until one turns out otherwise than it is written.

What is compared. A packet that is expected must come at its time (give or take what the ground allows), with the flags,
numbers, options and data that the script says; what the script does not say may be anything: the window, ECN, PSH.
Data is compared byte by byte with the pattern that was written. Segments and packets of the script need not be cut the
same way: consecutive data of several is put together, and of one that is longer the rest waits for the next line
(`strict`: neither).

Times. `+n` counts from the moment at which the event before really happened, so that small delays on a real machine do
not add up; on a ground in virtual time this is the moment that is written. After a call that blocks (`a...b`) it counts
from the call's beginning. At the end of the script nothing may be left that the host has sent and nobody expected.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from labs.pkt.assertion import Assertion, AssertionFault
from labs.pkt.ground import Ground, GroundFault, Reply
from labs.pkt.script import Call, Event, Option, Script, Segment, Unreachable
from labs.pkt.translation import Heard, Translation, pattern, text_of
from netstack.packets import ACK, FIN, PSH, RST, SYN

MOST_TIME = 600.0  # seconds that a script may take, on any clock


@dataclass(frozen=True, slots=True)
class Row:
    """One event as it is told: what the script says, what happened, how the connection stood then."""

    line: int
    script: str
    actual: str
    state: str


@dataclass(frozen=True, slots=True)
class Telling:
    """What playing a script came to. `complaint` is "" when all was as written; else the last row is the culprit."""

    script: str
    ground: str
    rows: tuple[Row, ...]
    complaint: str = ""

    @property
    def line(self) -> int:
        """Where it ended."""
        return self.rows[-1].line if self.rows else 1


class Divergence(Exception):
    """The host did something else than the script says; `actual` is what."""

    def __init__(self, complaint: str, actual: str) -> None:
        super().__init__(complaint)
        self.complaint, self.actual = complaint, actual


def play(script: Script, ground: Ground, *, strict: bool = False) -> Telling:
    """Play the whole script, or up to the first divergence."""
    played = _Play(ground, strict=strict)
    rows: list[Row] = []
    for event in (*script.events, None):
        complaint = ""
        try:
            actual = played.play(event) if event else played.end()
        except Divergence as divergence:
            actual, complaint = divergence.actual, divergence.complaint
        except GroundFault as fault:
            actual, complaint = "nothing", str(fault)
        if (told := played.culprit or event) is not None:
            rows.append(Row(told.line, told.text, actual, played.state()))
        elif complaint:
            rows.append(Row(rows[-1].line if rows else 1, "the end", actual, played.state()))
        if complaint:
            return Telling(script.name, ground.name, tuple(rows), complaint)
    return Telling(script.name, ground.name, tuple(rows))


class _Play:
    """What has happened so far."""

    def __init__(self, ground: Ground, *, strict: bool) -> None:
        self._ground = ground
        self._strict = strict
        self._translation = Translation()
        self._latest = 0.0  # when the event before happened
        self._written_at = 0.0  # when it was to happen
        self._heard: deque[Heard] = deque()
        self._pending: tuple[Event, float] | None = None  # a call that blocks, and when it is to return
        self._nonblocking: set[int] = set()
        self._written: dict[int, int] = {}  # a socket → the number of the byte that is written next
        self._read: dict[int, int] = {}
        self._socket: int | None = None  # of the latest connection
        self.culprit: Event | None = None  # the event to blame, if not the present one

    def play(self, event: Event) -> str:
        """What happened; raises `Divergence`."""
        when = event.when
        base = self._latest if when.relative else 0.0
        self._written_at = (self._written_at if when.relative else 0.0) + when.earliest
        if self._pending is not None and isinstance(event.action, Call):
            self._finish()
        if isinstance(event.action, Segment) and not event.action.inbound:
            return self._expect(event.action, event, base)
        self._ground.let_pass(base + when.earliest)
        self._latest = self._ground.now
        match event.action:
            case Segment():
                return self._inject(event.action)
            case Unreachable():
                self._ground.send(self._translation.error(event.action))
                return self._clock() + " " + event.text.partition("<")[2].join(("<", ""))
            case Call():
                return self._call(event, event.action)
            case Assertion():
                return self._judge(event.action)

    def end(self) -> str:
        """The script is over, and nothing may be left; raises `Divergence`."""
        if self._pending is not None:
            self._finish()
        self._ground.let_pass(self._ground.now + self._ground.tolerance(0.0) / 4)
        if (heard := self._next(self._ground.now)) is not None:
            raise Divergence("a packet that the script does not expect", f"{heard.at:.6f} {heard}")
        return "nothing"

    def state(self) -> str:
        """How the connection stands, in a few words."""
        told = self._ground.told(self._socket)
        return str(told["state"]) + (f" cwnd {told['cwnd']}" if "cwnd" in told else "")

    def _clock(self) -> str:
        return f"{self._latest:.6f}"

    # Packets

    def _inject(self, segment: Segment) -> str:
        if segment.flags & (SYN | ACK | RST) == SYN:
            self._translation.renew()
        self._ground.send(self._translation.packet(segment))
        return f"{self._clock()} < {text_of(segment, segment.length)}"

    def _next(self, until: float) -> Heard | None:
        """The next segment of the host's, if it comes by `until`."""
        while not self._heard:
            if not self._ground.sent:
                # A call's answer is news too, but not what is waited for here; its reply stays where it is.
                reply, self._ground.reply = self._ground.reply, None
                self._ground.let_pass(until, for_news=True)
                self._ground.reply = self._ground.reply or reply
            if self._ground.sent:
                sent = self._ground.sent.popleft()
                if (heard := self._translation.heard(sent.at, sent.packet)) is not None:
                    self._heard.append(heard)
            elif self._ground.now >= until:
                return None
        return self._heard.popleft()

    def _expect(self, expected: Segment, event: Event, base: float) -> str:
        when = event.when
        earliest, latest = base + when.earliest, base + when.latest
        slack = self._ground.tolerance(latest - self._latest)
        if when.any_time:
            earliest, latest = 0.0, self._ground.now + self._ground.patience
        heard = self._next(latest + slack)
        if heard is None:
            raise Divergence("the packet has not come", f"{self._ground.now:.6f} nothing")
        if not self._strict:
            heard = self._cut_alike(heard, expected, latest + slack)
        heard = self._translation.match_stamps(heard, expected)
        actual = f"{heard.at:.6f} {heard}"
        if complaint := next(self._differences(heard, expected), ""):
            raise Divergence(complaint, actual)
        if heard.since < earliest - slack or heard.at > latest + slack:
            due = f"{earliest:.6f}" if earliest == latest else f"from {earliest:.6f} to {latest:.6f}"
            came = heard.at if heard.at > latest + slack else heard.since
            raise Divergence(f"it came at {came:.6f}, not at {due} s", actual)
        self._latest = max(self._latest, heard.at)
        if when.any_time or when.latest > when.earliest:
            self._written_at = self._latest
        return actual

    def _cut_alike(self, heard: Heard, expected: Segment, until: float) -> Heard:
        """Put together what belongs to one packet of the script; what is too much goes back."""
        while heard.payload and len(heard.payload) < expected.length:
            following = self._next(until)
            if following is None:
                break
            continues = following.start == heard.end and following.payload and not heard.flags & FIN
            if not continues or following.acknowledgement != heard.acknowledgement:
                self._heard.appendleft(following)
                break
            together = heard.payload + following.payload
            heard = replace(following, start=heard.start, since=heard.since, payload=together)
        if 0 < expected.length < len(heard.payload):
            first, rest = heard.payload[: expected.length], heard.payload[expected.length :]
            self._heard.appendleft(replace(heard, start=(heard.start + len(first)) % 2**32, payload=rest))
            heard = replace(heard, payload=first, flags=heard.flags & ~(PSH | FIN))
        return heard

    def _differences(self, heard: Heard, expected: Segment) -> Iterator[str]:
        ignored = 0 if expected.flags & PSH else PSH
        if (heard.flags ^ expected.flags) & ~ignored:
            yield "other flags"
        if heard.start != expected.start:
            yield f"the sequence number is {heard.start}, not {expected.start}"
        if len(heard.payload) != expected.length:
            yield f"{len(heard.payload)} bytes of data, not {expected.length}"
        if heard.payload != pattern(heard.start, len(heard.payload)):
            yield "the data is not what was written"
        if expected.acknowledgement is not None and heard.acknowledgement != expected.acknowledgement:
            yield f"the acknowledgement is {heard.acknowledgement}, not {expected.acknowledgement}"
        if expected.window and not expected.window[0] <= heard.window <= expected.window[1]:
            yield f"the window is {heard.window}, not {'~'.join(map(str, dict.fromkeys(expected.window)))}"
        if expected.options is not None and not self._agree(heard.options, expected.options, at=heard.at):
            yield f"the options are <{','.join(map(str, heard.options))}>"
        if expected.ecn is not None and heard.ecn != expected.ecn:
            yield f"ECN says {('noecn', 'ect1', 'ect0', 'ce')[heard.ecn]}"

    def _agree(self, heard: tuple[Option, ...], expected: tuple[Option, ...], *, at: float) -> bool:
        """Whether options are the same; a timestamp may be as late as a packet."""
        if [each.name for each in heard] != [each.name for each in expected]:
            return False
        ticks = int(self._ground.tolerance(self._ground.now) * 1000)
        late = max(0, round((at - self._written_at) * 1000))
        for one, other in zip(heard, expected, strict=True):
            if one.name == "TS":
                (value, echo), (written, asked) = one.numbers, other.numbers
                if not -ticks <= value - written <= late + ticks or echo != asked:
                    return False
            elif one != other:
                return False
        return True

    # Calls

    def _call(self, event: Event, call: Call) -> str:
        if call.name == "connect":
            self._translation.renew()
            self._socket = call.socket
        self._ground.ask(call, self._data_of(call), blocks=self._blocks(call))
        if event.when.until is not None:
            self._pending = event, self._written_at + event.when.until - event.when.earliest
            return f"{self._clock()} {call.name} begins"
        if self._ground.reply is None:
            self._ground.let_pass(self._ground.now + self._ground.tolerance(0.0), for_news=True)
        if self._ground.reply is None:
            raise Divergence(f"{call.name} blocks", f"{self._clock()} {call.name} has not returned")
        return self._returned(event, call)

    def _blocks(self, call: Call) -> bool:
        if call.name in ("socket", "fcntl"):
            (self._nonblocking.add if call.nonblocking else self._nonblocking.discard)(call.socket)
        return not (call.nonblocking or call.socket in self._nonblocking)

    def _data_of(self, call: Call) -> bytes:
        if call.name not in ("write", "send"):
            return b""
        return pattern(self._written.get(call.socket, 1), call.number)

    def _finish(self) -> None:
        """The call that blocks must return now."""
        assert self._pending is not None
        event, until = self._pending
        until += max(0.0, self._latest - self._written_at)  # what has been late meanwhile makes this late
        self.culprit, self._pending = event, None
        assert isinstance(event.action, Call)
        slack = self._ground.tolerance(until - self._latest)
        while self._ground.reply is None and self._ground.now < until + slack:
            self._ground.let_pass(min(until + slack, self._ground.now + MOST_TIME))
        reply = self._ground.reply
        if reply is None:
            raise Divergence(f"{event.action.name} blocks", f"{self._ground.now:.6f} it has not returned")
        if abs(reply.at - until) > slack:
            raise Divergence(f"it returned at {reply.at:.6f}, not at {until:.6f} s", f"{reply.at:.6f} it returned")
        self._returned(event, event.action)
        self.culprit = None

    def _returned(self, event: Event, call: Call) -> str:
        reply = self._ground.reply
        assert reply is not None
        self._ground.reply = None
        actual = f"{reply.at:.6f} {call.name} = {reply.value} {reply.error}".rstrip()
        if call.error and reply.error != call.error:
            raise Divergence(f"it is to fail with {call.error}", actual)
        wanted = call.number if call.name == "getsockopt" else call.returns
        if wanted is not None and reply.value != wanted:
            raise Divergence(f"it is to return {wanted}", actual)
        self._note(call, reply, actual)
        return actual

    def _note(self, call: Call, reply: Reply, actual: str) -> None:
        """What a call that has returned leaves behind."""
        if call.name == "accept" and reply.value >= 0:
            self._socket = reply.value
        elif call.name in ("write", "send"):
            self._written[call.socket] = self._written.get(call.socket, 1) + max(0, reply.value)
        elif call.name in ("read", "recv"):
            start = self._read.get(call.socket, 1)
            self._read[call.socket] = start + len(reply.data)
            if reply.data != pattern(start, len(reply.data)):
                raise Divergence("the data read is not what was sent", actual)
        elif call.name == "close" and call.socket == self._socket:
            self._socket = None
        for polled, found in zip(call.polled, reply.found, strict=False):
            if polled.found != found:
                raise Divergence(f"poll found {'|'.join(sorted(found)) or 'nothing'} at {polled.socket}", actual)

    # Claims

    def _judge(self, claims: Assertion) -> str:
        told = self._ground.told(self._socket)
        actual = f"{self._clock()} " + ", ".join(f"{name} = {told.get(name)!r}" for name in sorted(claims.names))
        try:
            failing = claims.failing(told)
        except AssertionFault as fault:
            raise Divergence(str(fault), actual) from None
        if failing:
            raise Divergence(f"it does not hold that {failing}", actual)
        return actual
