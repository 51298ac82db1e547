"""What a wire does to a frame: carries it, late, or loses, doubles, damages, or holds it back.

A `Wire` is one direction of one link. It is sans-IO: `offer(frame, now=...)` answers at once with the frame's *fate*,
the copies that arrive and when. The same object runs under the simulated testbed, where time is virtual, and inside the
relay between two real interfaces, where it is not.

How it works. A frame first passes the card (too long: refused), then the queue (full: dropped), then is clocked out at
the link's rate, then travels for `delay ± jitter`. On the way a *fault* may hit it. Faults come from two places that
end up as the same thing, a `Fault` value:

* a **script**, written in the lab's own words: "drop the 2nd ack from b" is `drop b-a:ack:2`;
* **chance**, from the profile's probabilities. Every random draw is a keyed hash of (seed, direction, purpose, kind,
  index in that kind). So one frame's luck does not depend on how many other frames were sent, and a run whose script
  drops one more acknowledgement leaves the fate of every data frame as it was.

A fate names its faults, therefore the chances of one run can be written down as a script, played again without any
chance, and shrunk.

What always holds: frames that no fault holds back arrive in the order in which they were offered (jitter never
reorders); a duplicate arrives with its original; the same seed and offers give the same fates on every machine.

Times are integer nanoseconds: sums are exact. Prior art: Linux's netem (whose names the profile keeps) and smoltcp's
fault injector. Left out: correlated loss, and slots.
"""

import hashlib
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000

ETHERNET_HEADER = 14

Action = Literal["drop", "duplicate", "hold", "flip", "cut"]
ANY_KIND = "*"


class ScriptError(ValueError):
    """A fault or a duration that cannot be read; the text says what was expected."""


def parse_duration(text: str) -> int:
    """Return nanoseconds for `300ms`, `2s`, `50us`, `7ns` or `1.5s`; raise `ScriptError` for anything else."""
    match = re.fullmatch(r"(\d{1,18}(?:\.\d{1,9})?)(ns|us|ms|s)", text, re.ASCII)
    if not match:
        raise ScriptError(f"{text!r} is not a duration: write a number and ns, us, ms or s, as in 300ms")
    unit = {"ns": 1, "us": MICROSECOND, "ms": MILLISECOND, "s": SECOND}[match[2]]
    whole, _, fraction = match[1].partition(".")
    return int(whole) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


def format_duration(nanoseconds: int) -> str:
    """Write a duration in the largest unit that shows it exactly: the inverse of `parse_duration`."""
    for suffix, unit in (("s", SECOND), ("ms", MILLISECOND), ("us", MICROSECOND)):
        if nanoseconds % unit == 0:
            return f"{nanoseconds // unit}{suffix}"
    return f"{nanoseconds}ns"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing done to some frames of one direction, counted from 1 within their kind; or a link cut for a while.

    `amount` is nanoseconds for `hold`, the number of the bit for `flip`. A `cut` names a *link* in `direction`, hits
    both its directions, and its `first` and `last` are times in nanoseconds (`last` excluded).
    """

    action: Action
    direction: str
    kind: str
    first: int
    last: int
    amount: int = 0

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read `drop b-a:ack:2`, `hold a-b:data:7-9:300ms`, `flip a-b:data:3:17`, `cut a-b:2s-5s`; or `ScriptError`."""
        action, _, rest = text.strip().partition(" ")
        match action:
            case "cut":
                return _parse_cut(rest.strip())
            case "drop" | "duplicate" | "hold" | "flip":
                return _parse_targeted(action, rest.strip())
        raise ScriptError(f"{text!r}: a fault begins with drop, duplicate, hold, flip or cut")

    def __str__(self) -> str:
        if self.action == "cut":
            return f"cut {self.direction}:{format_duration(self.first)}-{format_duration(self.last)}"
        span = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        target = f"{self.action} {self.direction}:{self.kind}:{span}"
        match self.action:
            case "hold":
                return f"{target}:{format_duration(self.amount)}"
            case "flip":
                return f"{target}:{self.amount}"
        return target

    def hits(self, kind: str, index: int, overall: int) -> bool:
        """Whether this targeted fault is meant for the `index`-th frame of `kind`, the `overall`-th of all."""
        counted = overall if self.kind == ANY_KIND else index
        return self.kind in (kind, ANY_KIND) and self.first <= counted <= self.last


_TARGET = re.compile(r"([\w.-]+):([\w*-]+):(\d{1,9})(?:-(\d{1,9}))?(?::(\w+(?:\.\d+)?\w*))?", re.ASCII)


def _parse_targeted(action: Action, text: str) -> Fault:
    match = _TARGET.fullmatch(text)
    if not match:
        raise ScriptError(f"{action} {text!r}: write direction:kind:number, as in b-a:ack:2 or a-b:data:7-9")
    direction, kind, first, last, amount = match[1], match[2], int(match[3]), int(match[4] or match[3]), match[5]
    if not 1 <= first <= last:
        raise ScriptError(f"{action} {text!r}: frames are counted from 1, and a range goes up")
    match action, amount:
        case "hold", str():
            return Fault(action, direction, kind, first, last, parse_duration(amount))
        case "hold", None:
            raise ScriptError(f"hold {text!r}: say for how long, as in a-b:data:7:300ms")
        case "flip", _ if amount is None or amount.isdecimal():
            return Fault(action, direction, kind, first, last, int(amount or 0))
        case _, None:
            return Fault(action, direction, kind, first, last)
    raise ScriptError(f"{action} {text!r}: {amount!r} does not belong here")


def _parse_cut(text: str) -> Fault:
    link, _, span = text.partition(":")
    begin, dash, end = span.partition("-")
    if not (link and dash):
        raise ScriptError(f"cut {text!r}: write link:from-to, as in a-b:2s-5s")
    first, last = parse_duration(begin), parse_duration(end)
    if first >= last:
        raise ScriptError(f"cut {text!r}: the end must lie after the beginning")
    return Fault("cut", link, ANY_KIND, first, last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The properties of one direction of a link. Probabilities lie in 0..1; times are nanoseconds; `rate` is bit/s.

    `queue` bounds the frames that wait for the transmitter (the one being sent not counted); `longest` is the longest
    frame that the card takes, header included.
    """

    rate: int | None = None
    delay: int = 0
    jitter: int = 0
    queue: int = 1000
    longest: int = 1500 + ETHERNET_HEADER
    loss: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    reorder: float = 0.0

    @classmethod
    def from_mininet(cls, parameters: Mapping[str, Any]) -> "Profile":
        """Read a Mininet link's parameters: `bw` in Mbit/s, `delay` and `jitter` as text, the rest in percent.

        `mtu` counts payload, as everywhere; a link marked `serial=True` is a bare byte pipe without any header.
        """
        header = 0 if parameters.get("serial") else ETHERNET_HEADER
        rate = parameters.get("bw")
        return cls(
            rate=None if rate is None else int(rate * 1_000_000),
            delay=parse_duration(parameters.get("delay") or "0s"),
            jitter=parse_duration(parameters.get("jitter") or "0s"),
            queue=parameters.get("max_queue_size") or 1000,
            longest=parameters.get("mtu", 1500) + header,
            **{name: parameters.get(name, 0) / 100 for name in ("loss", "duplicate", "corrupt", "reorder")},
        )

    @property
    def transparent(self) -> bool:
        """Whether every frame that is not too long arrives at once and whole."""
        return not (
            self.rate or self.delay or self.jitter or self.loss or self.duplicate or self.corrupt or self.reorder
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One copy of a frame as it reaches the other end at `at`."""

    at: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one frame. `lost` is empty, or says why nothing arrives.

    `faults` are the faults that hit it, each in the form that a script would use to do it again.
    """

    kind: str
    index: int
    deliveries: tuple[Delivery, ...]
    faults: tuple[Fault, ...] = ()
    lost: Literal["", "dropped", "cut", "queue full", "too long"] = ""


def _any_frame(frame: bytes) -> str:
    return "frame"


@dataclass(slots=True, kw_only=True)
class Wire:
    """One direction of a link, from the moment a host hands over a frame to the moment the other host has it.

    `direction` is `sender-receiver` (`a-b`); `link` is the link's own name, by which a `cut` finds it. `classify` names
    a frame's kind and must answer for any bytes. With `chance=False` only the script acts.
    """

    direction: str
    link: str
    profile: Profile = Profile()
    script: tuple[Fault, ...] = ()
    seed: int = 0
    chance: bool = True
    classify: Callable[[bytes], str] = _any_frame
    _counts: Counter[str] = field(default_factory=Counter)
    _busy_until: int = 0
    _waiting: deque[int] = field(default_factory=deque)
    _last_arrival: int = 0

    def __post_init__(self) -> None:
        self.script = tuple(
            fault
            for fault in self.script
            if fault.direction == (self.link if fault.action == "cut" else self.direction)
        )

    def offer(self, frame: bytes, *, now: int) -> Fate:
        """Decide what becomes of `frame`, handed over at `now`; `now` must never go back."""
        kind = self.classify(frame)
        self._counts[kind] += 1
        self._counts[ANY_KIND] += 1
        index = self._counts[kind]
        if len(frame) > self.profile.longest:
            return Fate(kind, index, (), (), "too long")
        sent = self._transmit(len(frame), now)
        if sent is None:
            return Fate(kind, index, (), (), "queue full")
        if cut := self._cut_during(now, sent):
            return Fate(kind, index, (), (cut,), "cut")
        faults = (*self._scripted(kind, index), *(self._by_chance(kind, index, frame) if self.chance else ()))
        if any(fault.action == "drop" for fault in faults):
            return Fate(kind, index, (), faults, "dropped")
        return Fate(kind, index, self._deliver(frame, sent, kind, index, faults), faults)

    @property
    def steady(self) -> bool:
        """Whether frames are only clocked out and delayed, each like any other: neither script nor chance picks one."""
        profile = self.profile
        chances = profile.loss or profile.duplicate or profile.corrupt or profile.reorder
        return not (self.script or profile.jitter or (self.chance and chances))

    def carry(self, lengths: Iterable[int], times: Iterable[int]) -> list[int | None]:
        """`offer` for a burst on a `steady` wire, where nobody asks for fates: when each frame arrives, None for never.

        `times` are when they were handed over. Kinds are not counted: a wire is either offered frames, or carries them.
        """
        delay, longest = self.profile.delay, self.profile.longest
        pairs = zip(lengths, times, strict=True)
        if self.profile.rate is None:
            return [now + delay if length <= longest else None for length, now in pairs]
        leaving = (self._transmit(length, now) if length <= longest else None for length, now in pairs)
        return [None if sent is None else sent + delay for sent in leaving]

    def unmet(self) -> tuple[Fault, ...]:
        """The scripted faults whose first frame was never offered: silence that a judge must not take for success."""
        return tuple(fault for fault in self.script if fault.action != "cut" and self._counts[fault.kind] < fault.first)

    def _transmit(self, length: int, now: int) -> int | None:
        """Queue and clock out a frame; return when its last bit has left, or None when the queue is full."""
        if self.profile.rate is None:
            return now
        while self._waiting and self._waiting[0] <= now:
            self._waiting.popleft()
        if len(self._waiting) >= self.profile.queue:
            return None
        begins = max(now, self._busy_until)
        if begins > now:
            self._waiting.append(begins)
        self._busy_until = begins + length * 8 * SECOND // self.profile.rate
        return self._busy_until

    def _cut_during(self, offered: int, sent: int) -> Fault | None:
        for fault in self.script:
            if fault.action == "cut" and offered < fault.last and sent >= fault.first:
                return fault
        return None

    def _scripted(self, kind: str, index: int) -> Iterable[Fault]:
        overall = self._counts[ANY_KIND]
        for fault in self.script:
            if fault.action != "cut" and fault.hits(kind, index, overall):
                yield Fault(fault.action, self.direction, kind, index, index, fault.amount)

    def _by_chance(self, kind: str, index: int, frame: bytes) -> Iterable[Fault]:
        profile = self.profile
        if profile.loss and self._draw("loss", kind, index) < profile.loss:
            yield Fault("drop", self.direction, kind, index, index)
        if profile.duplicate and self._draw("duplicate", kind, index) < profile.duplicate:
            yield Fault("duplicate", self.direction, kind, index, index)
        if profile.corrupt and frame and self._draw("corrupt", kind, index) < profile.corrupt:
            bit = int(self._draw("bit", kind, index) * len(frame) * 8)
            yield Fault("flip", self.direction, kind, index, index, bit)
        if profile.reorder and self._draw("reorder", kind, index) < profile.reorder:
            # Long enough for what follows at once to overtake it, as netem's gap is.
            held = int(max(profile.delay, MILLISECOND) * (1 + self._draw("held", kind, index)))
            yield Fault("hold", self.direction, kind, index, index, held)

    def _deliver(self, frame: bytes, sent: int, kind: str, index: int, faults: Iterable[Fault]) -> tuple[Delivery, ...]:
        copies, held = 1, 0
        for fault in faults:
            match fault.action:
                case "duplicate":
                    copies = 2
                case "hold":
                    held += fault.amount
                case "flip":
                    frame = flip_bit(frame, fault.amount)
        arrival = sent + self._travel(kind, index)
        if not held:
            # Only a held frame may be overtaken: jitter stretches the line, it does not reorder it.
            arrival = self._last_arrival = max(arrival, self._last_arrival)
        return (Delivery(arrival + held, frame),) * copies

    def _travel(self, kind: str, index: int) -> int:
        profile = self.profile
        if not profile.jitter:
            return profile.delay
        return max(0, profile.delay + int(profile.jitter * (2 * self._draw("jitter", kind, index) - 1)))

    def _draw(self, purpose: str, kind: str, index: int) -> float:
        """A number in [0, 1) that depends on nothing but the seed and what it is drawn for."""
        key = (self.seed % 2**64).to_bytes(8, "big")
        text = f"{self.direction}|{purpose}|{kind}|{index}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=key).digest(), "big") / 2**64


def flip_bit(frame: bytes, bit: int) -> bytes:
    """Return `frame` with one bit inverted; bit 0 is the highest of the first byte, and numbers wrap at the end."""
    if not frame:
        return frame
    position, within = divmod(bit % (len(frame) * 8), 8)
    return frame[:position] + bytes([frame[position] ^ (0x80 >> within)]) + frame[position + 1 :]
