"""What the judge reads out of a trace: who said what when, in positions counted from each side's SYN."""

from collections.abc import Iterator
from dataclasses import dataclass

from labs.lab04b_tcp.peers import FarEnd, parse
from labs.story.trace import FrameEvent, Trace
from labs.testbed.judge import Judge
from netstack.flow.sequence import MODULUS, distance
from netstack.packets import Tcp
from netstack.packets.tcp import ACK, FIN, RST, SYN
from netstack.wire import SECOND


@dataclass(frozen=True, slots=True)
class Said:
    """A segment that was sent: its first byte's place in its own stream (0: the first after the SYN), and what it says
    of the other's: all before `wanted` has come, and there is room up to `edge`.
    """

    frame: FrameEvent
    segment: Tcp
    start: int
    wanted: int
    edge: int

    @property
    def end(self) -> int:
        """The place behind its last byte, or its FIN."""
        return self.start + len(self.segment.payload) + bool(self.segment.flags & FIN)

    @property
    def is_bare(self) -> bool:
        """It carries nothing, and only acknowledges."""
        return self.segment.flags & (ACK | FIN | SYN | RST) == ACK and not self.segment.payload


@dataclass(slots=True)
class Conversation:
    """A trace as TCP: what each side said, in order of sending, behind the handshake."""

    trace: Trace

    def _syn(self, direction: str) -> Tcp | None:
        for frame in self.trace.frames(direction):
            segment = parse(frame.data)
            if segment is not None and segment.flags & SYN:
                return segment
        return None

    def said(self, direction: str) -> list[Said]:
        """The segments of a direction (`a-b`), without SYNs and resets."""
        syn, other = self._syn(direction), self._syn(direction[::-1])
        if syn is None or other is None:
            return []
        scales = syn.options.window_scale is not None and other.options.window_scale is not None
        shift = (syn.options.window_scale or 0) if scales else 0
        return list(self._read(direction, syn, other, shift))

    def _read(self, direction: str, syn: Tcp, other: Tcp, shift: int) -> Iterator[Said]:
        start, wanted = 0, 0
        for frame in self.trace.frames(direction):
            segment = parse(frame.data)
            if segment is None or segment.flags & (SYN | RST):
                continue
            start += distance((syn.sequence + 1 + start) % MODULUS, segment.sequence)
            wanted += distance((other.sequence + 1 + wanted) % MODULUS, segment.acknowledgement)
            yield Said(frame, segment, start, wanted, wanted + (segment.window << shift))
            start, wanted = max(start, 0), max(wanted, 0)

    def first_edge(self, direction: str) -> int:
        """How far the SYN that was sent in a direction opens the window."""
        syn = self._syn(direction)
        return syn.window if syn is not None else 0

    def heard(self, direction: str) -> list[tuple[int, Said]]:
        """The same as they arrived: (when, what), in order of arrival, each copy that arrived whole."""
        copies = [
            (at, said) for said in self.said(direction) if said.frame.arrived is None for at in said.frame.arrivals
        ]
        return sorted(copies, key=lambda copy: copy[0])


def named(said: Said | None) -> str:
    """A segment as scripts call it, and when it was sent."""
    if said is None:
        return "none"
    frame = said.frame
    return f"{frame.direction}:{frame.kind}:{frame.index} (at {seconds(frame.at)})"


def seconds(at: int) -> str:
    """A time in words."""
    return f"{at / SECOND:.6g} s"


def expect_stream(judge: Judge, got: bytes, wanted: bytes, where: str, identity: str) -> None:
    """Expect that `got`, which arrived at `where`, is `wanted`: no byte twice, none missing, none in a wrong place."""
    same = next((n for n, (one, other) in enumerate(zip(got, wanted, strict=False)) if one != other), None)
    judge.expect(
        f"{identity}:bytes",
        same is None and len(got) <= len(wanted),
        f"what arrives at {where} is what was sent, byte by byte",
        found=f"byte {same} differs (counted from 0)" if same is not None else f"{len(got)} bytes of {len(wanted)}",
    )
    judge.expect(
        f"{identity}:all",
        len(got) == len(wanted),
        f"all {len(wanted)} bytes arrive at {where}",
        found=f"{len(got)} did",
    )


def expect_an_end(judge: Judge, far: FarEnd, trace: Trace) -> None:
    """Expect that the stream from a was ended, and that the far end came to know."""
    ended = far.connection is not None and far.connection.receiver.ended
    last = Conversation(trace).said("a-b")
    judge.expect(
        "end:fin",
        ended,
        "the end of the stream (FIN) arrives at b, behind all its bytes",
        found="it never did; the last that a sent was " + named(last[-1] if last else None),
    )


def in_order(talk: Conversation, direction: str) -> list[tuple[int, int, bool]]:
    """What arrived, in order of arrival: when, the number wanted after it, and whether it brought that on *and* left no
    gap (a FIN counts as a byte).
    """
    have: list[tuple[int, int]] = []
    wanted, found = 0, []
    for at, said in talk.heard(direction):
        if said.end == said.start:
            continue
        before = wanted
        have = sorted([*have, (said.start, said.end)])
        while have and have[0][0] <= wanted:
            wanted = max(wanted, have.pop(0)[1])
        found.append((at, wanted, said.start <= before < wanted == said.end))
    return found


def expect_honest_acknowledgements(judge: Judge, talk: Conversation) -> None:
    """Expect that a acknowledges what has arrived in order by then: no more, and no less."""
    news = in_order(talk, "b-a")
    for said in talk.said("a-b"):
        least = max((wanted for at, wanted, _ in news if at < said.frame.at), default=0)
        most = max((wanted for at, wanted, _ in news if at <= said.frame.at), default=0)
        judge.expect(
            "ack:honest",
            least <= said.wanted <= most,
            f"at {seconds(said.frame.at)} all before {most} has arrived, and that is what is acknowledged",
            found=f"{named(said)} says {said.wanted}",
            frame=said.frame,
        )


def consumed_by(trace: Trace, at: int) -> int:
    """How many bytes the application on a had read by the time `at`, that moment included."""
    return sum(len(event.payload) for event in trace.at_port("consumed", "a") if event.at <= at)


def expect_promises_kept(judge: Judge, talk: Conversation, *, capacity: int, mss: int, most: int) -> None:
    """Expect that the window's edge never moves back, only by steps worth it, and never beyond what there is room for.

    `most`: so many bytes may be in the hands of the program that reads, on their way to the application.
    """
    edge, step = talk.first_edge("a-b"), min(mss, capacity // 2)
    for said in talk.said("a-b"):
        moved = said.edge - edge
        judge.expect(
            "window:back",
            moved >= 0,
            f"the window's right edge, which is at {edge}, does not move back",
            found=f"{named(said)} puts it at {said.edge}",
            frame=said.frame,
        )
        judge.expect(
            "window:silly",
            moved == 0 or moved >= step,
            f"the window's right edge moves on by {step} bytes or more, or not at all",
            found=f"{named(said)} moves it by {moved}",
            frame=said.frame,
        )
        room = consumed_by(talk.trace, said.frame.at) + most + capacity
        judge.expect(
            "window:room",
            said.edge <= room,
            f"no more is promised than there is room for: up to {room} at the most",
            found=f"{named(said)} promises up to {said.edge}",
            frame=said.frame,
        )
        edge = said.edge


def limits(talk: Conversation) -> list[tuple[int, int]]:
    """How far a may send, by what has arrived: (when, up to), in order of arrival, growing."""
    found, limit = [], talk.first_edge("b-a")
    for at, said in talk.heard("b-a"):
        limit = max(limit, said.edge)
        found.append((at, limit))
    return found


def limit_at(talk: Conversation, at: int) -> int:
    """How far a might send at a time, what arrives at that moment included."""
    return max((limit for when, limit in limits(talk) if when <= at), default=talk.first_edge("b-a"))


def expect_the_window_to_be_kept(judge: Judge, talk: Conversation, *, mss: int) -> None:
    """Expect that a sends nothing beyond the window that it has heard of, and no segment that is too long."""
    for said in talk.said("a-b"):
        limit = limit_at(talk, said.frame.at)
        judge.expect(
            "limit:beyond",
            said.end <= limit or said.end == said.start,
            f"at {seconds(said.frame.at)} there is room up to {limit}, and nothing is sent beyond",
            found=f"{named(said)} reaches to {said.end}",
            frame=said.frame,
        )
        length = len(said.segment.payload)
        judge.expect(
            "limit:mss",
            length <= mss,
            f"no segment has more than {mss} bytes",
            found=f"{named(said)} has {length}",
            frame=said.frame,
        )


def expect_the_window_to_be_used(judge: Judge, talk: Conversation, *, total: int, mss: int) -> None:
    """Expect that what there is room for is sent at once, if it is a full segment or all that is left."""
    sent = [(said.frame.at, said.end) for said in talk.said("a-b")]
    for at, limit in limits(talk):
        reached = max((end for when, end in sent if when <= at), default=0)
        judge.expect(
            "limit:unused",
            reached >= total or limit - reached < mss,
            f"at {seconds(at)} there is room up to {limit}, and as many full segments as fit have been sent",
            found=f"all before {reached} was",
        )


def known_at(talk: Conversation, at: int) -> int:
    """What a knows to have arrived, what it hears at that moment included."""
    return max((said.wanted for when, said in talk.heard("b-a") if when <= at), default=0)


def repeats(talk: Conversation) -> Iterator[tuple[Said, Said]]:
    """The segments of a that had been sent before, each with the last that began where it begins."""
    last: dict[int, Said] = {}
    for said in talk.said("a-b"):
        if said.end > said.start:
            if said.start in last:
                yield said, last[said.start]
            last[said.start] = said


def expect_only_the_oldest_again(judge: Judge, talk: Conversation, *, least: float) -> None:
    """Expect that what is sent again is the oldest that is not known to have arrived, and not too soon."""
    for said, before in repeats(talk):
        oldest = known_at(talk, said.frame.at)
        judge.expect(
            "again:oldest",
            said.start <= oldest < said.end,
            f"at {seconds(said.frame.at)} all before {oldest} is known to have arrived: that is what goes again",
            found=f"{named(said)} begins with {said.start}",
            frame=said.frame,
        )
        judge.expect(
            "again:early",
            said.frame.at - before.frame.at >= least * SECOND,
            f"nothing goes again before {least} s have passed",
            found=f"{named(said)} comes {seconds(said.frame.at - before.frame.at)} after {named(before)}",
            frame=said.frame,
        )


def flights(talk: Conversation) -> list[tuple[int, int]]:
    """How many bytes a has under way after each segment that it sends: (when, bytes), as far as a can know."""
    found, reached = [], 0
    for said in talk.said("a-b"):
        if said.end > said.start:
            reached = max(reached, said.end)
            found.append((said.frame.at, reached - known_at(talk, said.frame.at)))
    return found
