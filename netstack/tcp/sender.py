"""The sending half of a connection: what may go now, what must go again, and when to worry.

`segments` is the whole of sending. What is lost goes first; then what the user has written, as far as three limits
allow: the receiver's window (flow control: what *it* can take), the congestion window (what the *path* can take), and
the rules against small segments. Our SYN and FIN are part of the stream and travel the same way, so one timer serves.

Five timers run here, and the first to go off is the next:

* the *retransmission* timer, while anything is under way (RFC 6298, 5): going off, it takes all for lost;
* the *persist* timer, while something waits for a window and nothing is under way. It sends a probe, again and again
  (RFC 9293, 3.8.6.1). As on Linux a probe is an empty segment with an old number, which must be answered;
* the *tail probe*, once, before the retransmission timer, to learn without slowing down (RFC 8985, 7);
* the loss detector's own;
* the *user's patience*, which ends everything (RFC 9293, 3.8.3).

Numbers are positions in the stream and never wrap. Sizes are bytes, times seconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from netstack.packets.quick_init import quick_init
from netstack.tcp.flight import Flight, Sent
from netstack.tcp.loss import Report
from netstack.tcp.probes import Persist, TailProbe
from netstack.tcp.recovery import Recovery
from netstack.tcp.rtt import RoundTrip

NEVER = float("inf")


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What a segment says to our sender. `bare`: it carries nothing else, so that it may be a duplicate.

    `echo` is the round trip that its timestamp shows, in seconds, if it has one; `congested`, that it echoes a
    congested router's mark.
    """

    number: int
    window: int
    sequence: int
    sacked: Sequence[tuple[int, int]] = ()
    bare: bool = True
    echo: float | None = None
    congested: bool = False


@dataclass(slots=True, kw_only=True)
class Sender:
    """`first` is the number of our SYN (ISS). Nothing is sent before `open`."""

    first: int
    mss: int
    capacity: int
    round_trip: RoundTrip
    recovery: Recovery
    tail: TailProbe
    nagle: bool = True
    user_timeout: float = NEVER
    syn_retries: int = 6
    flight: Flight = field(default_factory=Flight)
    window: int = 0
    """SND.WND"""
    widest: int = 0
    """The largest window that the other side ever announced."""
    closed: bool = False
    """The user writes no more: a FIN ends the stream."""
    failed: bool = False
    """The user's patience has ended."""
    unacknowledged: int = field(init=False)
    """SND.UNA"""
    next: int = field(init=False)
    """SND.NXT"""
    _unsent: bytearray = field(default_factory=bytearray)
    _open: bool = False
    _fin_sent: bool = False
    _small_end: int = 0  # the end of the last segment that was not full
    _updated_by: tuple[int, int] = (-1, -1)  # SND.WL1, SND.WL2
    _filled: int = 0  # the congestion window was full, and held something back, when all before this was sent
    _resend_at: float | None = None
    _timeouts: int = 0  # of the retransmission timer, in a row
    _persist: Persist = field(default_factory=Persist)
    _forced: bool = False  # a timer has gone off: send whatever can be sent, however small, or else a probe
    _waiting_since: float | None = None
    _last_sent_at: float = 0.0

    def __post_init__(self) -> None:
        self.unacknowledged = self.next = self.first

    def agree_on(self, mss: int, *, sack: bool) -> None:
        """The other side's SYN has told the segment size, and whether it acknowledges selectively."""
        self.mss = mss
        self.recovery.begin(mss)
        if not sack:
            self.recovery.without_sack()
            self.tail.enabled = False  # RFC 8985 (7.2): they would tell nothing.

    # What the user does

    @property
    def room(self) -> int:
        """How many bytes `write` would take."""
        return max(0, self.capacity - len(self._unsent) - self.flight.outstanding)

    def write(self, data: bytes | memoryview) -> int:
        """Take as much of `data` as there is room for; return how much that was."""
        taken = min(len(data), self.room)
        self._unsent += data[:taken]
        return taken

    def close(self) -> None:
        """Nothing follows what was written."""
        self.closed = True

    def open(self) -> None:
        """Let the SYN go."""
        self._open = True

    def repeat_syn(self) -> None:
        """The SYN must go once more: the other side has not seen it, or did before it had something to answer."""
        for record in self.flight.records:
            self.flight.lose(record)

    # Where it stands

    @property
    def unsent(self) -> int:
        """How many bytes have never been sent."""
        return len(self._unsent)

    @property
    def is_opening(self) -> bool:
        """Our SYN is not acknowledged yet."""
        return self.unacknowledged == self.first

    @property
    def fin_acknowledged(self) -> bool:
        """All has arrived, our FIN too."""
        return self._fin_sent and self.unacknowledged == self.next

    @property
    def _wants_to_send(self) -> bool:
        return bool(self._unsent) or (self.closed and not self._fin_sent)

    # What arrives

    def receive(self, ack: Acknowledgement, *, now: float) -> None:
        """Take in an acknowledgement whose number is at most SND.NXT; it may be an old one."""
        in_flight, was_recovering = self.flight.outstanding, self.recovery.episode == "recovery"
        count, was_full = ack.number - self.unacknowledged, self.unacknowledged < self._filled
        # RFC 5681 (2): what makes an acknowledgement a duplicate
        duplicate = count == 0 and ack.bare and in_flight > 0 and ack.window == self.window
        if count >= 0:
            self._take_window(ack, now=now)
        arrived = self.flight.acknowledge(ack.number) if count > 0 else []
        if ack.sacked:
            arrived += self.flight.sack(ack.sacked)
        if arrived:
            self._measure(arrived, ack, advanced=count > 0, now=now)
        if count > 0:
            self._advance(ack.number, now=now)
        if self.flight:
            self._judge(arrived, advanced=count > 0, duplicate=duplicate, in_flight=in_flight, now=now)
        if ack.congested:
            self.recovery.congested(
                unacknowledged=self.unacknowledged, following=self.next, in_flight=in_flight, now=now
            )
        elif count > 0 and was_full and not was_recovering:
            # Only a window that has held the sender back may grow (RFC 7661; RFC 9438, 5.8).
            self.recovery.congestion.acknowledged(count, round_trip=self.round_trip.smoothed or 0.0, now=now)

    def _take_window(self, ack: Acknowledgement, *, now: float) -> None:
        # RFC 9293 (3.10.7.4) asks for a segment no older than the one that told the window last. As on Linux one that
        # acknowledges something new will do: with the old window, the edge would move on with SND.UNA.
        if ack.number > self.unacknowledged or (ack.sequence, ack.number) >= self._updated_by:
            self.window, self._updated_by = ack.window, (ack.sequence, ack.number)
            self.widest = max(self.widest, ack.window)
        if self._waiting_since is not None and (self._persist.at is not None or not self.window):
            self._waiting_since = now  # It is alive, and may keep its window shut for ever (RFC 9293, 3.8.6.1).

    def _measure(self, arrived: Sequence[Sent], ack: Acknowledgement, *, advanced: bool, now: float) -> None:
        if all(record.tries == 1 for record in arrived):  # Karn's rule
            self.round_trip.sample(now - arrived[-1].sent_at)
        elif advanced and ack.echo is not None and ack.echo <= now - arrived[0].first_sent_at:
            self.round_trip.sample(ack.echo)  # RFC 7323 (4.1): a timestamp tells the tries apart

    def _advance(self, number: int, *, now: float) -> None:
        if self.is_opening:
            self._opened()
        self.unacknowledged, self._timeouts = number, 0
        self.recovery.advanced(number)
        self._resend_at = now + self.round_trip.timeout if self.flight else None  # RFC 6298 (5.2, 5.3)
        self._waiting_since = now if self.flight or self._wants_to_send else None
        self.tail.advanced()
        self._schedule_tail(now)

    def _opened(self) -> None:
        """The handshake is over. What it lost says little about the path (RFC 6928, 2; as Linux has it)."""
        self.recovery.begin(self.mss)
        if self._timeouts:
            self.round_trip.syn_was_lost()
        if self._timeouts > 1:
            self.recovery.congestion.window = self.mss

    def _judge(self, arrived: Sequence[Sent], *, advanced: bool, duplicate: bool, in_flight: int, now: float) -> None:
        report = Report(
            arrived=arrived,
            duplicate=duplicate,
            advanced=advanced,
            episode=self.recovery.episode,
            round_trip=min(self.round_trip.shortest, self.round_trip.timeout),
        )
        self.recovery.judge(
            self.flight,
            report,
            unacknowledged=self.unacknowledged,
            following=self.next,
            in_flight=in_flight,
            now=now,
        )
        if not self._is_calm:
            self.tail.at = None

    # What goes out

    def segments(self, *, now: float) -> Iterator[Sent]:
        """Everything that must or may be sent now, in order; each is taken for sent when it is yielded."""
        if not (self._unsent or self.flight.lost or self.closed or self._forced or self.next == self.first):
            return  # as for whoever only receives
        while (record := self._following(now)) is not None:
            self._last_sent_at = now
            if record.length:
                self._start_timers(now)
            yield record
        self._watch_window(now)

    def _start_timers(self, now: float) -> None:
        if self._resend_at is None:
            self._resend_at = now + self.round_trip.timeout  # RFC 6298 (5.1)
        if self._waiting_since is None:
            self._waiting_since = now
        self._schedule_tail(now)

    def _following(self, now: float) -> Sent | None:
        if not self._open:
            return None
        if self.next == self.first:
            return self._add(Sent(self.first, b"", now, syn=True))
        if (lost := self.flight.first_lost()) is not None:
            return self._resend(lost, now=now)
        record = self._cut(now)
        if record is not None:
            return self._add(record)
        if self._forced:
            self._forced = False
            return Sent(self.unacknowledged - 1, b"", now)
        return None

    def _add(self, record: Sent) -> Sent:
        self._forced = False
        self.flight.add(record)
        self.next = record.end
        return record

    def _resend(self, record: Sent, *, now: float) -> Sent | None:
        if not (len(record.payload) <= self.recovery.room(self.flight) or self.recovery.at_once):
            self._filled = self.next
            return None
        self.recovery.at_once = False
        self.flight.resent(record, now=now)
        return record

    def _cut(self, now: float) -> Sent | None:
        """Cut the next segment from what is not sent yet; None when nothing may go."""
        if not self._wants_to_send or self.is_opening:
            return None
        if not self.flight and now > self._last_sent_at + self.round_trip.timeout:
            self.recovery.congestion.idled()
        usable = self.unacknowledged + self.window - self.next
        size = max(0, min(len(self._unsent), self.mss, usable))
        is_last = size == len(self._unsent)
        fin = self.closed and is_last and usable > size
        if not (size == self.mss or self._is_worth_sending(size, is_last=is_last, fin=fin)):
            return None
        if max(size, 1) > self.recovery.room(self.flight):
            self._filled = self.next
            return None
        payload = bytes(self._unsent[:size])
        del self._unsent[:size]
        self._fin_sent = fin
        if size < self.mss:
            self._small_end = self.next + size
        return Sent(self.next, payload, now, fin=fin, push=is_last and size > 0)

    def _is_worth_sending(self, size: int, *, is_last: bool, fin: bool) -> bool:
        """Whether a segment that is not full may go (RFC 9293, 3.8.6.2.1 and 3.7.4)."""
        if fin or not size:
            return fin
        if is_last:
            # Nagle's rule in Minshall's form, as Linux has it: only one *small* segment may be under way.
            small_is_under_way = self.unacknowledged < self._small_end
            return not (self.nagle and small_is_under_way) or self._forced
        return 2 * size >= self.widest or self._forced

    # What time does

    @property
    def _is_calm(self) -> bool:
        """Whether nothing is known to be wrong, so that a tail probe could tell something new (RFC 8985, 7.2)."""
        return not (self.recovery.episode or self.flight.sacked)

    def _schedule_tail(self, now: float) -> None:
        segments = len(self.flight.records) if self._is_calm else 0
        self.tail.schedule(segments=segments, smoothed=self.round_trip.smoothed, before=self._resend_at, now=now)

    def _watch_window(self, now: float) -> None:
        is_stuck = self._wants_to_send and not self.flight and not self.is_opening
        self._persist.watch(is_stuck=is_stuck, timeout=self.round_trip.timeout, now=now)
        if is_stuck and self._waiting_since is None:
            self._waiting_since = now

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        patience = None if self._waiting_since is None else self._waiting_since + self.user_timeout
        timers = (self._resend_at, self._persist.at, self.tail.at, self.recovery.detector.next_timer(), patience)
        return min([timer for timer in timers if timer is not None], default=None)

    def handle_timer(self, *, now: float) -> None:
        """Do what is due; what is to be sent then comes from `segments`."""
        if self._waiting_since is not None and now >= self._waiting_since + self.user_timeout:
            self.failed = True
        if self._resend_at is not None and now >= self._resend_at:
            self._time_out(now)
        elif self.tail.is_due(now=now):
            self._probe_tail(now)
        if self._persist.ask(timeout=self.round_trip.timeout, longest=self.round_trip.most, now=now):
            self._forced = True
        self.recovery.handle_timer(self.flight, unacknowledged=self.unacknowledged, following=self.next, now=now)

    def _time_out(self, now: float) -> None:
        self._timeouts += 1
        if self.is_opening and self._timeouts > self.syn_retries:
            self.failed = True
        self.recovery.timed_out(self.flight, following=self.next, now=now)
        self.round_trip.back_off()  # RFC 6298 (5.5)
        self._resend_at = now + self.round_trip.timeout  # RFC 6298 (5.6)
        self.tail.at = None

    def _probe_tail(self, now: float) -> None:
        """RFC 8985 (7.3): something new if there is any, else the last segment; then the other timer starts anew."""
        self.tail.sent()
        room = min(self.unacknowledged + self.window - self.next, self.recovery.room(self.flight))
        if self._unsent and room >= min(self.mss, len(self._unsent)):
            self._forced = True
        else:
            self.flight.lose(self.flight.records[-1])
            self.recovery.at_once = True
        self._resend_at = now + self.round_trip.timeout
