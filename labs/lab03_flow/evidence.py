"""What the judge reads out of a trace: who knew what when, and what was allowed by then."""

from collections.abc import Iterator, Sequence

from labs.lab03_flow.peers import parse
from labs.story.trace import FrameEvent, Trace
from labs.testbed.judge import Judge
from netstack.flow.messages import Ack, Data, Message
from netstack.flow.sequence import add, before
from netstack.wire import MILLISECOND, SECOND

SHOWN = 6  # items in a message


def said(trace: Trace, direction: str, flow: int = 0) -> list[tuple[FrameEvent, Message]]:
    """The messages of a flow that were sent in a direction, with their frames, in order."""
    frames = ((frame, parse(frame.data, flow)) for frame in trace.frames(direction))
    return [(frame, message) for frame, message in frames if message is not None]


def heard(trace: Trace, direction: str, flow: int = 0) -> list[tuple[int, Message]]:
    """The messages of a flow as they arrived: (when, what), in order of arrival."""
    copies = [(at, frame.arrived or frame.data) for frame in trace.frames(direction) for at in frame.arrivals]
    arrived = [(at, parse(data, flow)) for at, data in sorted(copies, key=lambda copy: copy[0])]
    return [(at, message) for at, message in arrived if message is not None]


def sent_again(trace: Trace, flow: int = 0) -> list[FrameEvent]:
    """The data frames whose number had been sent before."""
    seen: set[int] = set()
    again = []
    for frame, message in said(trace, "a-b", flow):
        if isinstance(message, Data):
            if message.number in seen:
                again.append(frame)
            seen.add(message.number)
    return again


def beyond_credit(trace: Trace, first: int, capacity: int, flow: int = 0) -> tuple[FrameEvent, int] | None:
    """The first data frame that was sent beyond what had been granted by then, and the limit; or None.

    Granted is what the acknowledgements that had *arrived* at the sender say; what they take back does not count.
    """
    grants = [(at, add(ack.number, ack.credit)) for at, ack in heard(trace, "b-a", flow) if isinstance(ack, Ack)]
    limit = add(first, capacity)
    for frame, message in said(trace, "a-b", flow):
        while grants and grants[0][0] <= frame.at:
            _, granted = grants.pop(0)
            limit = granted if before(limit, granted) else limit
        if isinstance(message, Data) and not before(message.number, limit):
            return frame, limit
    return None


def most_waiting(trace: Trace, port: str = "app") -> int:
    """The most payloads that waited for the reader at b at any time."""
    changes = [(event.at, 1) for event in trace.at_port("delivered", "b", port)]
    changes += [(event.at, -1) for event in trace.at_port("consumed", "b", port)]
    waiting = most = 0
    for _, change in sorted(changes):  # at the same moment the reader is first
        waiting += change
        most = max(most, waiting)
    return most


def consumed_by(trace: Trace, at: int, port: str = "app") -> int:
    """How many payloads the reader at b had consumed by the time `at`, that moment included."""
    return sum(event.at <= at for event in trace.at_port("consumed", "b", port))


def goodput(trace: Trace, port: str = "app") -> float:
    """The payloads delivered at b, as a share of what the line could have carried between the first and the last."""
    events = trace.at_port("delivered", "b", port)
    if len(events) < 2:
        return 0.0
    return (len(events) - 1) * MILLISECOND / max(1, events[-1].at - events[0].at)


def expect_all_in_order(judge: Judge, trace: Trace, payloads: Sequence[bytes], port: str = "app") -> None:
    """Expect that the reader at b was handed every payload, once, in order."""
    got = trace.delivered("b", port)
    reader = "the reader" if port == "app" else f"the reader of {port}"
    judge.expect(
        "order:once",
        len(set(got)) == len(got),
        f"{reader} is handed nothing twice",
        found=f"twice: {_shown(payload for payload in dict.fromkeys(got) if got.count(payload) > 1)}",
    )
    judge.expect(
        "order:order",
        got == list(payloads)[: len(got)],
        f"{reader} is handed what was sent, in the order of sending",
        found=_first_difference(got, payloads),
    )
    judge.expect(
        "order:all",
        len(got) == len(payloads),
        f"{reader} is handed all {len(payloads)} payloads",
        found=f"{len(got)}; then, {seconds(trace.ended_at)} after the start: {trace.ended}",
    )


def expect_within_bounds(
    judge: Judge, trace: Trace, *, capacity: int, first: int = 0, flow: int = 0, port: str = "app"
) -> None:
    """Expect that nothing was sent beyond the credit that had arrived, and that the reader's queue kept its bound."""
    found = beyond_credit(trace, first, capacity, flow)
    frame, limit = found or (None, 0)
    judge.expect(
        "bound:credit",
        found is None,
        "nothing is sent beyond the credit that has arrived",
        found=f"{named(frame)} has the number {_number(frame)}; the last granted was {add(limit, -1)}" if frame else "",
        frame=frame,
    )
    waiting = most_waiting(trace, port)
    judge.expect(
        "bound:queue",
        waiting <= capacity,
        f"never more than {capacity} payloads wait for the reader",
        found=f"{waiting} did",
    )


def _number(frame: FrameEvent) -> int:
    return int.from_bytes(frame.data[16:20], "big")


def named(frame: FrameEvent | None) -> str:
    """A frame as scripts call it, and when it was sent."""
    return f"{frame.direction}:{frame.kind}:{frame.index} (at {seconds(frame.at)})" if frame else "none"


def seconds(at: int) -> str:
    """A time in words."""
    return f"{at / SECOND:.6g} s"


def _first_difference(got: Sequence[bytes], wanted: Sequence[bytes]) -> str:
    for n, payload in enumerate(got):
        if n >= len(wanted) or payload != wanted[n]:
            place = (
                f"it is number {list(wanted).index(payload)} of what was sent" if payload in wanted else "never sent"
            )
            return f"payload {n} is {_shown([payload])}; {place} (counted from 0)"
    return ""


def _shown(payloads: Iterator[bytes] | Sequence[bytes]) -> str:
    texts = [repr(payload[:24].decode("utf-8", "replace")) for payload in payloads]
    return ", ".join(texts[:SHOWN]) + (" …" if len(texts) > SHOWN else "")
