"""Goodput of our TCP by loss, buffer, delay and congestion control: in virtual time, so the same on every machine.

Two connections over two wires of 100 Mbit/s, each with a queue of 100 frames; one sends three million bytes, the other
reads at once. The table is held against what the slower of the wire and the receiver's buffer would let through, one
buffer each round trip. With loss it is the congestion window that limits, and that is its purpose.

`python -m bench.goodput` writes `docs/goodput.md`. A change to the protocol that changes a number shows in its review.
"""

import heapq
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.rows import Row
from netstack.packets.tcp import Tcp
from netstack.tcp import Congestion, Connection, Cubic, NewReno, Settings
from netstack.wire import MILLISECOND, SECOND, Profile, Wire

TOTAL = 3_000_000  # bytes
RATE, QUEUE = 100_000_000, 100  # bit/s, frames
HEADERS = 14 + 20 + 20 + 12  # Ethernet, IPv4, TCP, timestamps: bytes that each segment adds on the wire
LOSSES = (0.0, 0.001, 0.01, 0.02, 0.05)
BUFFERS = (16, 64, 256)  # KiB
DELAYS = (5, 40)  # ms, one way
ALGORITHMS: dict[str, type[Congestion]] = {"newreno": NewReno, "cubic": Cubic}
TABLE = Path(__file__).parent.parent / "docs" / "goodput.md"

A, B = (1, 1), (2, 2)


@dataclass(frozen=True, slots=True)
class Case:
    """One cell: the name of a congestion control, a probability, KiB, and ms."""

    algorithm: str
    loss: float
    buffer: int
    delay: int

    @property
    def limit(self) -> float:
        """What wire and buffer would let through at most, in MB/s: the payload's share of the rate, a buffer a trip."""
        share = (1500 - HEADERS + 14) / (1500 + 14)
        window = self.buffer * 1024 / (2 * self.delay / 1000)
        return min(RATE / 8 * share, window) / 1e6


def cases() -> Iterator[Case]:
    """All cells, row by row."""
    for delay, algorithm, loss, buffer in itertools.product(DELAYS, ALGORITHMS, LOSSES, BUFFERS):
        yield Case(algorithm, loss, buffer, delay)


def goodput(case: Case, *, total: int = TOTAL, seed: int = 1) -> float:
    """Bytes delivered a second of virtual time, from the SYN to the last byte's delivery; in MB/s."""
    settings = Settings(congestion=ALGORITHMS[case.algorithm], receive_buffer=case.buffer * 1024)
    profile = Profile(rate=RATE, delay=case.delay * MILLISECOND, loss=case.loss, queue=QUEUE)
    wires = [Wire(direction=way, link="a-b", profile=profile, seed=seed, classify=_kind) for way in ("a-b", "b-a")]
    sender = Connection.connect(A, B, isn=0, now=0.0, settings=settings)
    receiver: Connection | None = None
    on_the_way: list[tuple[int, int, int, Tcp]] = []
    order, now, unsent, received = itertools.count(), 0, total, 0

    def push(end: Connection, wire: int) -> None:
        for segment in end.segments_to_send(now=now / SECOND):
            for delivery in wires[wire].offer(bytes(HEADERS + len(segment.payload)), now=now).deliveries:
                heapq.heappush(on_the_way, (delivery.at, next(order), wire, segment))

    push(sender, 0)
    while received < total:
        ends = [sender] if receiver is None else [sender, receiver]
        due, which = min((_due(end), index) for index, end in enumerate(ends))
        if on_the_way and on_the_way[0][0] <= due:
            now, _, wire, segment = heapq.heappop(on_the_way)
            which = 1 - wire
            if which == 1 and receiver is None:
                receiver = Connection.accept(B, A, segment, isn=0, now=now / SECOND, settings=settings)
            else:
                ends[which].receive(segment, now=now / SECOND)
        else:
            now = max(now, due)
            ends[which].handle_timer(now=now / SECOND)
        if which == 0 and unsent:
            unsent -= sender.write(bytes(min(unsent, 1 << 16)))
        elif receiver is not None:
            received += len(receiver.read(1 << 20, now=now / SECOND))
        push(sender if which == 0 or receiver is None else receiver, which)
    return total / (now / SECOND) / 1e6


def _kind(frame: bytes) -> str:
    return "data" if len(frame) > HEADERS else "ack"


def _due(end: Connection) -> int:
    """The first nanosecond at which the timer is due; nanoseconds and a float's seconds do not always meet."""
    timer = end.next_timer()
    if timer is None:
        return 1 << 62
    due = int(timer * SECOND)
    while due / SECOND < timer:
        due += 1
    return due


def rows(quick: bool) -> Iterable[Row]:
    """Every cell; in quick ones every seventh."""
    for case in itertools.islice(cases(), 0, None, 7 if quick else 1):
        what = f"{case.algorithm}, loss {case.loss:.1%}, buffer {case.buffer} KiB, delay {case.delay} ms"
        yield Row(what=what, ours=goodput(case), unit="MB/s", peer_name="limit", peer=case.limit)


def document() -> str:
    """The table as Markdown."""
    lines = [
        "# Goodput by loss, buffer and delay",
        "",
        "Made by `python -m bench.goodput`; what is measured, and how, stands in `bench/goodput.py`. MB/s of virtual",
        "time, and in brackets the share of what wire and buffer would let through.",
    ]
    for delay, algorithm in itertools.product(DELAYS, ALGORITHMS):
        lines += ["", f"## {algorithm}, {2 * delay} ms round trip", ""]
        lines.append("| loss | " + " | ".join(f"{buffer} KiB" for buffer in BUFFERS) + " |")
        lines.append("| --- |" + " ---: |" * len(BUFFERS))
        for loss in LOSSES:
            cells = [cell(Case(algorithm, loss, buffer, delay)) for buffer in BUFFERS]
            lines.append(f"| {loss:.1%} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def cell(case: Case) -> str:
    """What the document says of one case."""
    measured = goodput(case)
    return f"{measured:.3f} ({measured / case.limit:.0%})"


if __name__ == "__main__":
    TABLE.write_text(document(), encoding="utf-8")
