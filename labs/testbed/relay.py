"""The relay: carries frames between the two ends of each link of an emulated network, as its wires say.

One process serves all links of a network, in one loop: take in what has arrived, ask the wire of that direction what
becomes of each frame, send what is due, wait for the next frame or the next due time. It serves a direction in one of
two ways:

* a `Judged` lane asks `Wire.offer` about every frame and reports every fate, which costs some ten microseconds a frame;
* an `Express` lane serves a wire that only delays and clocks frames out, where nobody asked for fates. Frames stay
  where the kernel put them, in a ring of slots, until the kernel takes them from there; Python's work is by the burst.

Accuracy. A frame's time is the kernel's stamp of its arrival, not the moment at which this process got round to it.
Waiting ends `EARLY` before a due time, and the rest is spun away, because a sleeping process wakes up too late by a
tenth of a millisecond; but only while frames are sparse. When they are dense, those of `COALESCE` leave together.

All times are nanoseconds: stamps and due times of the wall clock, the wire's and the trace's counted from `epoch`.
"""

import heapq
import marshal
import os
import select
import socket
import struct
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from typing import NoReturn, Protocol

from labs.testbed import kernel
from labs.testbed.network import JUMBO
from labs.testbed.ring import BURST, SOL_PACKET, Pipe, Ring
from netstack.wire import ETHERNET_HEADER, Fate, Wire

SLOTS = 1024  # frames that may wait for this process in one direction; what is more is lost, and counted
SLOTS_EXPRESS = 4096  # the same, and those under way
EARLY = 400_000  # ns: how long before a due time the waiting ends and the spinning begins
COALESCE = 250_000  # ns: how late frames may leave while they are dense
DENSE = 16  # frames under way in all directions: more than that are dense
BACKLOG = 16 << 20  # bytes of reports that may wait for the judge; what does not fit is counted

PACKET_QDISC_BYPASS = 20

Record = tuple[int, str, str, int, bytes, str, tuple[str, ...], tuple[int, ...], bytes | None]
"""The fields of a `labs.story.trace.FrameEvent`, in order: what a relay reports of a frame."""


@dataclass(frozen=True, slots=True)
class Line:
    """One direction of a link: the wire, and the sockets at which its frames come in and go out.

    The sockets are packet sockets, or both ends of a byte pipe are Unix sockets that keep boundaries.
    """

    wire: Wire
    source: socket.socket
    target: socket.socket


class Lane(Protocol):
    """One direction of a link, while it is being served. `due` is when it next has something to send."""

    line: Line
    due: int | None

    def take_in(self, now: int) -> bool: ...
    def send_due(self, now: int) -> None: ...
    def under_way(self) -> int: ...
    def missed(self) -> int: ...


class Judged:
    """Asks the wire about every frame, and reports what becomes of it."""

    def __init__(self, line: Line, epoch: int, report: Callable[[Record], None]) -> None:
        self.line = line
        self.due: int | None = None
        self._epoch = epoch
        self._report = report
        longest = max(JUMBO + ETHERNET_HEADER, line.wire.profile.longest)
        on_card = line.source.family == socket.AF_PACKET
        self._frames: Ring | Pipe = Ring(line.source, SLOTS, longest) if on_card else Pipe(line.source)
        self._coming: list[tuple[int, int, bytes]] = []
        self._sequence = 0
        self._latest = 0

    def take_in(self, now: int) -> bool:
        """Take in what has arrived, at most a burst; return whether there was anything."""
        burst = self._frames.burst(now)
        for stamp, frame in burst:
            self._offer(frame, stamp - self._epoch)
        return bool(burst)

    def _offer(self, frame: bytes, at: int) -> None:
        self._latest = at = max(at, self._latest)  # a wall clock may be set back; a wire's may not
        fate = self.line.wire.offer(frame, now=at)
        self._report(_record(at, self.line.wire.direction, frame, fate))
        for delivery in fate.deliveries:
            self._sequence += 1
            heapq.heappush(self._coming, (delivery.at + self._epoch, self._sequence, delivery.frame))
        self.due = self._coming[0][0] if self._coming else None

    def send_due(self, now: int) -> None:
        """Send every copy whose time has come. One that the card will not take is lost, as on a real one."""
        while self._coming and self._coming[0][0] <= now:
            frame = heapq.heappop(self._coming)[2]
            with suppress(OSError):
                self.line.target.send(frame, socket.MSG_DONTWAIT)
        self.due = self._coming[0][0] if self._coming else None

    def under_way(self) -> int:
        return len(self._coming)

    def missed(self) -> int:
        """How many frames came while there was no room for them, so that nobody knows their fate."""
        return self._frames.missed()


class Express:
    """Serves a steady wire, unseen: frames leave from the slots in which they arrived, when they are due."""

    def __init__(self, line: Line, epoch: int) -> None:
        self.line = line
        self.due: int | None = None
        self._epoch = epoch
        self._ring = Ring(line.source, SLOTS_EXPRESS, line.wire.profile.longest)
        self._waiting: deque[tuple[int, range]] = deque()  # slots in a row that are due together
        self._latest = 0

    def take_in(self, now: int) -> bool:
        """Take in what has arrived, at most a burst; return whether there was anything."""
        slots = self._ring.take(SLOTS_EXPRESS - self.under_way())
        if slots:
            self._waiting.extend(self._runs(slots, now))
            self.due = self._waiting[0][0] if self._waiting else None
        return bool(slots)

    def _runs(self, slots: range, now: int) -> Iterator[tuple[int, range]]:
        """What of the frames in these slots is to be sent when; in one piece if the wire does nothing at all."""
        wire, lengths = self.line.wire, self._ring.lengths(slots)
        if wire.profile.transparent and max(lengths) <= wire.profile.longest:
            yield now, slots
            return
        # A wall clock may be set back; a wire's may not.
        times = list(accumulate(self._ring.stamps(slots), max, initial=self._latest))[1:]
        self._latest = times[-1]
        arrivals = wire.carry(lengths, (stamp - self._epoch for stamp in times))
        for place, arrival in enumerate(arrivals):
            one = slots[place : place + 1]
            if arrival is None:
                self._ring.free(one)
            else:
                yield arrival + self._epoch, one

    def send_due(self, now: int) -> None:
        """Send the frames whose time has come, those in neighbouring slots together."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            _, slots = waiting.popleft()
            while waiting and waiting[0][0] <= now and waiting[0][1].start == slots.stop and len(slots) < BURST:
                slots = range(slots.start, waiting.popleft()[1].stop)
            self._ring.send(self.line.target.fileno(), slots)
            self._ring.free(slots)
        self.due = waiting[0][0] if waiting else None

    def under_way(self) -> int:
        """How many slots are taken: those from the oldest frame on, also where one between is free already."""
        return (self._ring.next - self._waiting[0][1].start - 1) % SLOTS_EXPRESS + 1 if self._waiting else 0

    def missed(self) -> int:
        """How many frames came while there was no room for them."""
        return self._ring.missed()


def _record(at: int, direction: str, frame: bytes, fate: Fate) -> Record:
    arrived = fate.deliveries[0].frame if fate.deliveries and fate.deliveries[0].frame != frame else None
    faults, arrivals = tuple(map(str, fate.faults)), tuple(delivery.at for delivery in fate.deliveries)
    return at, direction, fate.kind, fate.index, frame, fate.lost, faults, arrivals, arrived


class Reports:
    """Records on their way to the judge, who may be slow: the relay never waits, but counts what found no room."""

    def __init__(self, judge: socket.socket) -> None:
        judge.setblocking(False)
        self.judge = judge
        self.omitted = 0
        self._records: list[Record] = []
        self._bytes = bytearray()

    def add(self, record: Record) -> None:
        """Keep a record until the next `flush`."""
        if len(self._bytes) < BACKLOG:
            self._records.append(record)
        else:
            self.omitted += 1

    def flush(self) -> None:
        """Send as much as the judge takes at once."""
        if self._records:
            self._bytes += _message(self._records)
            self._records.clear()
        while self._bytes:
            try:
                del self._bytes[: self.judge.send(self._bytes)]
            except BlockingIOError:
                return
            except OSError:  # the judge is gone, and so shall we be
                self._bytes.clear()

    def finish(self, unmet: Sequence[str]) -> None:
        """Send all that is left, how many records were omitted, and which faults never met their frame."""
        self.judge.setblocking(True)
        self.flush()
        with suppress(OSError):
            self.judge.sendall(_message((self.omitted, *unmet)))


def _message(content: list[Record] | tuple[int | str, ...]) -> bytes:
    data = marshal.dumps(content)
    return _LENGTH.pack(len(data)) + data


_LENGTH = struct.Struct("!I")


def serve(lanes: Sequence[Lane], reports: Reports) -> None:
    """Serve all lanes until the judge closes its side."""
    timer = kernel.Timer()
    poller = select.epoll()
    edges = select.EPOLLIN | select.EPOLLET  # each is told once, and remembered in `readable` until it is dealt with
    poller.register(timer, edges)
    poller.register(reports.judge, edges | select.EPOLLOUT)
    by_source = {lane.line.source.fileno(): lane for lane in lanes}
    for source in by_source:
        poller.register(source, edges)
    readable = set(lanes)
    while True:
        now = time.time_ns()
        readable = {lane for lane in readable if lane.take_in(now)}
        now = time.time_ns()
        for lane in lanes:
            if lane.due is not None and lane.due <= now:
                lane.send_due(now)
        reports.flush()
        for ready, event in poller.poll(_until_next(lanes, readable, timer)):
            if ready in by_source:
                readable.add(by_source[ready])
            elif ready == reports.judge.fileno() and event & (select.EPOLLIN | select.EPOLLHUP):
                _take_in_the_last(lanes)
                reports.omitted += sum(lane.missed() for lane in lanes)
                reports.finish([str(fault) for lane in lanes for fault in lane.line.wire.unmet()])
                return


def _take_in_the_last(lanes: Sequence[Lane]) -> None:
    """Take in what has arrived by now, but not what goes on arriving."""
    now = time.time_ns()
    for lane in lanes:
        for _ in range(SLOTS // BURST):
            if not lane.take_in(now):
                break


def _until_next(lanes: Sequence[Lane], readable: Iterable[Lane], timer: kernel.Timer) -> float:
    """Set the timer for the next due frame, and return how long to wait: for ever, or not at all."""
    due = min((lane.due for lane in lanes if lane.due is not None), default=None)
    if readable:
        return 0
    if due is None:
        return -1
    dense = sum(lane.under_way() for lane in lanes) > DENSE
    wake = due + COALESCE if dense else due - EARLY
    if wake <= time.time_ns():
        return 0
    timer.set(wake)
    return -1


class Relay:
    """A relay in a process of its own, and the records that come from it. It ends with `stop`, or with its enclave.

    With `judged=False` steady wires take the express lane, and frames are not reported. Once it has been stopped,
    `omitted` counts the frames of which there is no record, for want of room, and `unmet` are the scripted faults whose
    frame never came.
    """

    def __init__(self, lines: Sequence[Line], *, epoch: int, judged: bool = True) -> None:
        self.omitted = 0
        self.unmet: list[str] = []
        self.ended = False
        self._stream, theirs = socket.socketpair()
        self._incoming = bytearray(1 << 18)  # once: memory for so much would be mapped anew at each read
        self._buffer = bytearray()
        reports = Reports(theirs)
        # Made here, not in the new process, so that whoever sends once this object exists is heard.
        lanes = [_lane(line, epoch, reports.add if judged else None) for line in lines]
        self.process = kernel.fork_deaf()
        if self.process == 0:
            self._stream.close()
            _be_relay(lanes, reports)
        theirs.close()
        self._stream.setblocking(False)

    def fileno(self) -> int:
        """Readable when records have come."""
        return self._stream.fileno()

    def records(self) -> Iterator[Record]:
        """The records that are there."""
        with suppress(BlockingIOError):
            while size := self._stream.recv_into(self._incoming):
                self._buffer += memoryview(self._incoming)[:size]
                yield from self._complete()
            self.ended = True

    def stop(self) -> Iterator[Record]:
        """End the relay: what is under way is lost. Yields the records that were still to come."""
        self._stream.shutdown(socket.SHUT_WR)
        self._stream.setblocking(True)
        yield from self.records()
        os.waitpid(self.process, 0)
        self._stream.close()

    def _complete(self) -> Iterator[Record]:
        while len(self._buffer) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                return
            content = marshal.loads(self._buffer[_LENGTH.size : end])  # from our own fork
            del self._buffer[:end]
            if isinstance(content, tuple):
                self.omitted, *self.unmet = content
            else:
                yield from content


def _lane(line: Line, epoch: int, report: Callable[[Record], None] | None) -> Lane:
    if line.target.family == socket.AF_PACKET:
        line.target.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)  # a veth has no queue worth the way there
    if report is None and line.wire.steady and line.source.family == socket.AF_PACKET:
        return Express(line, epoch)
    return Judged(line, epoch, report or (lambda _: None))


def _be_relay(lanes: Sequence[Lane], reports: Reports) -> NoReturn:
    code = 1
    try:
        kernel.name_process("relay")
        serve(lanes, reports)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
