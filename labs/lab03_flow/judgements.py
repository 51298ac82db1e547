"""What is judged of either application, of *teams* and *players* in step 4 and of *reporter* and *board* in step 5.

The first three pit a program against the judge's own end, which follows the handout; the last plays both ends.
"""

import itertools
from collections.abc import Iterator, Sequence

from labs.lab03_flow.evidence import consumed_by, expect_all_in_order, expect_within_bounds, heard, named, said, seconds
from labs.lab03_flow.peers import Whole, against_us
from labs.lab03_flow.peers import frame as in_frame
from labs.lab03_flow.scenes import cards, lunch
from labs.story.trace import FrameEvent, Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Port, Reader, Scene
from netstack.flow.messages import Ack, Data, Message, Probe
from netstack.flow.sequence import add, before
from netstack.wire import MILLISECOND, SECOND

LONGEST_PAUSE = 60 * SECOND
STEP = 100 * MILLISECOND
OFFERED = 8 * MILLISECOND


def expect_the_credit_to_be_kept(judge: Judge, whole: Whole, *, first: int = 0, flow: int = 0) -> None:
    """The judge's receiver grants by and by, some acknowledgements come late. What is granted and there is sent."""
    source = judge.random
    capacity = source.randint(2, 6)
    grants = [capacity]  # how many payloads may be sent, round by round
    for _ in range(5):
        grants.append(grants[-1] + source.choice((3, 4, 17)))
    opening = []
    for n, (low, high) in enumerate(itertools.pairwise(grants), 1):
        opening.append((n * STEP, Ack(add(first, low), high - low)))
        opening.append((n * STEP + STEP // 5, Ack(add(first, low - 1), 0)))  # overtaken, and knows less
    sent = cards(grants[-1] + 9, source)
    scene = against_us(
        whole,
        "b",
        name="by-and-by",
        payloads=sent,
        every=OFFERED,
        opening=opening,
        capacity=capacity,
        first=first,
        seconds=0.1 * len(grants),
    )
    trace = judge.play(scene)
    news = [0, *(at for at, _ in heard(trace, "b-a", flow)[::2])]
    wanted = [
        (max(at, n * OFFERED), add(first, n))
        for at, low, high in zip(news, [0, *grants], grants, strict=False)
        for n in range(low, high)
        if n * OFFERED <= trace.ended_at
    ]
    _expect_schedule(judge, trace, wanted, sent, prefix="round" if first else "credit", flow=flow)


def _expect_schedule(
    judge: Judge, trace: Trace, wanted: list[tuple[int, int]], payloads: Sequence[bytes], *, prefix: str, flow: int
) -> None:
    found = [(frame, message.number) for frame, message in said(trace, "a-b", flow) if isinstance(message, Data)]
    for n, (at, number) in enumerate(wanted):
        frame, seen = found[n] if n < len(found) else (None, 0)
        is_early = frame is not None and (frame.at < at or before(number, seen))
        judge.expect(
            f"{prefix}:{'beyond' if is_early else 'unused'}",
            frame is not None and (frame.at, seen) == (at, number),
            f"at {seconds(at)} number {number} is granted and at hand, and is sent",
            found=f"{named(frame)} has the number {seen}" if frame else "nothing more was sent",
            frame=frame,
            wanted=in_frame("a", Data(number, payloads[n]), flow),
        )
    more = [frame for frame, _ in found[len(wanted) :]]
    judge.expect(
        f"{prefix}:beyond",
        not more,
        "nothing is sent that is not granted",
        found=f"{named(more[0])} is" if more else "",
        frame=more[0] if more else None,
    )


def expect_probes_at_doubling_distance(judge: Judge, whole: Whole, *, flow: int = 0) -> None:
    """The judge's receiver is full, answers most probes that it is still full, and in the end that there is room."""
    source = judge.random
    capacity, patience, probe_after = source.randint(2, 6), 6, source.choice((4, 5, 7))
    probes = 0

    def respond(message: Message, now: int) -> Iterator[tuple[int, Message]]:
        nonlocal probes
        match message:
            case Data(number):
                yield now, Ack(number + 1, 0 if number >= capacity else capacity - number - 1)
            case Probe(number):
                probes += 1
                if probes == patience:
                    yield now, Ack(number, 1)
                elif probes % 2:
                    yield now, Ack(number, 0)

    sent = cards(capacity + 2, source)
    scene = against_us(
        whole,
        "b",
        name="full-and-silent",
        payloads=sent,
        respond=respond,
        capacity=capacity,
        probe_after=probe_after,
        seconds=300,
    )
    trace = judge.play(scene)
    answers = heard(trace, "b-a", flow)
    blocked = next((at for at, message in answers if message == Ack(capacity, 0)), 0)
    judge.bites("the sender was told that there is no room", bool(blocked))
    wanted = list(_doubling(blocked, probe_after * SECOND, patience))
    found = [(frame, message) for frame, message in said(trace, "a-b", flow) if isinstance(message, Probe)]
    _expect_probes(judge, found, [(at, capacity) for at in wanted], flow)
    late = [at for at, message in answers if message == Ack(capacity + 1, 0)]
    judge.expect("probe:answer", bool(late), "there is room for one more, and it is sent", found="it never was")
    again = [(at, capacity + 1) for at in _doubling(late[0], probe_after * SECOND, 1)]
    _expect_probes(judge, found[patience:], again, flow, anew=True)


def _doubling(start: int, pause: int, count: int) -> Iterator[int]:
    for _ in range(count):
        start += pause
        yield start
        pause = min(2 * pause, LONGEST_PAUSE)


def _expect_probes(
    judge: Judge,
    found: Sequence[tuple[FrameEvent, Message]],
    wanted: list[tuple[int, int]],
    flow: int,
    *,
    anew: bool = False,
) -> None:
    for n, (at, number) in enumerate(wanted):
        frame, message = found[n] if n < len(found) else (None, None)
        identity = "probe:anew" if anew else "probe:first" if n == 0 else "probe:next"
        judge.expect(
            identity,
            frame is not None and frame.at == at,
            f"at {seconds(at)} it probes" if n == 0 else f"at {seconds(at)} it probes again",
            found=f"{named(frame)} was the next" if frame else "there was no such probe",
            frame=frame,
        )
        judge.expect(
            "probe:number",
            message == Probe(number),
            f"the probe asks for number {number}",
            found=f"{message}",
            frame=frame,
            wanted=in_frame("a", Probe(number), flow),
        )


def expect_the_receiver_to_grant(judge: Judge, whole: Whole, *, flow: int = 0) -> None:
    """The judge's sender fills the room, asks, and goes beyond; then the reader comes back."""
    source = judge.random
    capacity, first = source.randint(4, 9), source.randrange(10_000)
    back = 2 * SECOND
    sent = cards(capacity + 1, source)
    opening: list[tuple[int, Message]] = [(n * 5 * MILLISECOND, Data(first + n, sent[n])) for n in range(capacity)]
    opening += [
        (SECOND // 2, Probe(first + capacity)),
        (SECOND, Data(first + capacity, sent[capacity])),  # for which there is no room
        (SECOND * 3 // 2, Probe(first + capacity)),
    ]
    reader = lunch(0.0, back / SECOND, every=0.05)
    scene = against_us(
        whole, "a", name="to-the-brim", opening=opening, reader=reader, capacity=capacity, first=first, seconds=4
    )
    trace = judge.play(scene)
    port = _port_of(scene)
    found = [(frame, message) for frame, message in said(trace, "b-a", flow) if isinstance(message, Ack)]
    for n, (at, message) in enumerate(heard(trace, "a-b", flow)):
        wanted = Ack(first + min(n + 1, capacity), max(0, capacity - n - 1))
        frame, said_then = found[n] if n < len(found) else (None, None)
        judge.expect(
            "grant:answer",
            frame is not None and frame.at == at,
            f"{_in_words(message)}, which comes at {seconds(at)}, is answered at once",
            found=f"{named(frame)} was the next" if frame else "it was not",
            frame=frame,
        )
        judge.expect(
            "grant:credit",
            said_then == wanted,
            f"with {capacity - wanted.credit} unread, there is room for {wanted.credit} from {wanted.number} on",
            found=f"b said {said_then}",
            frame=frame,
            wanted=in_frame("b", wanted, flow),
        )
    delivered = trace.delivered("b", port.name)
    judge.expect(
        "bound:queue",
        len(delivered) <= capacity,
        f"never more than {capacity} payloads wait for the reader",
        found=f"{len(delivered)} did",
    )
    _expect_updates(judge, trace, found[len(opening) :], first, capacity, port, flow)


def _expect_updates(
    judge: Judge,
    trace: Trace,
    updates: list[tuple[FrameEvent, Ack]],
    first: int,
    capacity: int,
    port: Port,
    flow: int,
) -> None:
    """After lunch: news of room, unasked, as soon as half of it is free; and never more than there is."""
    for frame, ack in updates:
        room = consumed_by(trace, frame.at, port.name)
        judge.expect(
            "grant:credit",
            ack == Ack(add(first, capacity), room),
            f"at {seconds(frame.at)}, with {room} read, there is room for {room} more",
            found=f"b said {ack}",
            frame=frame,
            wanted=in_frame("b", Ack(add(first, capacity), room), flow),
        )
    reads = [event.at for event in trace.at_port("consumed", "b", port.name)]
    for total, at in enumerate(reads, 1):
        told = [ack.credit for frame, ack in updates if frame.at <= at]
        judge.expect(
            "grant:update",
            2 * (total - max(told, default=0)) < capacity,
            f"at {seconds(at)}, with {total} read, less than half of the room is free that the sender has not heard of",
            found=f"by then it had said {f'room for {told}' if told else 'nothing'}",
        )
    judge.bites("the reader came back", len(reads) >= capacity)


def _in_words(message: Message) -> str:
    return f"{type(message).__name__.lower()} {message.number}"


def _port_of(scene: Scene) -> Port:
    return next(port for port in scene.ports if port.host == "b")


def expect_to_survive_a_lost_update(judge: Judge, whole: Whole, *, flow: int = 0) -> None:
    """The line is cut at the very moment at which the reader comes back, and reads all that there is at once."""
    source = judge.random
    sent, capacity = cards(14, source), source.randint(3, 6)
    back = source.randrange(700, 900)
    scene = whole(sent, reader=lunch(0.0, back / 1000), capacity=capacity, name="update-lost")
    trace = judge.play(scene.scripted(f"cut a-b:{back - 20}ms-{back + 30}ms"))
    port = _port_of(scene)
    expect_within_bounds(judge, trace, capacity=capacity, flow=flow, port=port.name)
    lost = [frame.at for frame in trace.frames("b-a", "ack") if frame.lost and frame.data[15] == flow]
    probes = [frame.at for frame, message in said(trace, "a-b", flow) if isinstance(message, Probe)]
    judge.expect(
        "lost-update:probe",
        not lost or any(at > lost[0] for at in probes),
        "the sender, who has heard nothing of it, probes",
        found="it never did",
    )
    expect_all_in_order(judge, trace, sent, port.name)
    judge.bites("the window update was lost", bool(lost))


def moody(begin: int) -> Reader:
    """A reader who reads one payload each 5 ms, but for some time from `begin` (ns) on."""
    return Reader(every=5 * MILLISECOND, pauses=((begin, begin + 1500 * MILLISECOND),))
