"""One connection of TCP, without any input or output: segments go in, segments come out, time is told (RFC 9293).

    connection = Connection.connect(local, remote, isn=…, now=now)      or Connection.accept(…, syn, …)
    connection.receive(segment, now=now)                               what the network brought
    connection.write(data); connection.read(most, now=now); …          what the user does
    for segment in connection.segments_to_send(now=now): …             after each of these, always
    connection.next_timer()                                            when to call handle_timer(now=…) at the latest

It is put together from parts that know nothing of each other: a `Receiver` (what has come), a `Sender` (what goes), and
behind it `Flight`, `Recovery`, a detector of losses, a congestion control. Here is what is left: the states, whether a
segment is acceptable, and who may be believed.

Numbers. On the wire they have 32 bits and wrap. Inside they are positions that only grow: a number that arrives stands
for the position nearest to the one expected. So nothing else in this package ever compares in a circle.

**Not implemented**: the urgent pointer (the bytes are ordinary data, RFC 6093), path MTU discovery, TCP Fast Open, SYN
cookies, D-SACK, and IPv6. Defences of RFC 5961 are always on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from netstack.flow.sequence import MODULUS, distance
from netstack.packets.tcp import ACK, CWR, ECE, FIN, NO_OPTIONS, PSH, RST, SYN, Options, Tcp
from netstack.tcp.flight import Sent
from netstack.tcp.isn import Endpoint
from netstack.tcp.parts import OURS, Parts
from netstack.tcp.receiver import Receiver
from netstack.tcp.sender import Acknowledgement, Sender
from netstack.tcp.settings import Settings
from netstack.tcp.states import MAY_RECEIVE, MAY_SEND, SYNCHRONIZED, TRANSITIONS, Event, State
from netstack.tcp.timestamps import Timestamps

STAMPS, BLOCK = 12, 8  # bytes of options that timestamps take, and each block of SACK beside 4 for the option
DEFAULT_MSS = 536  # RFC 9293 (3.7.1): of whoever says nothing
CHALLENGES, CHALLENGE_PERIOD = 10, 5.0  # RFC 5961 (7): so many answers to doubtful segments in so many seconds


class Failure(Enum):
    """Why a connection ended before its time."""

    REFUSED = "refused"
    RESET = "reset by the other side"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"
    ABORTED = "aborted"


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """A connection between `local` and `remote`. Make one with `connect` or `accept`. Times are seconds."""

    local: Endpoint
    remote: Endpoint
    settings: Settings
    sender: Sender
    receiver: Receiver
    timestamps: Timestamps
    state: State = State.CLOSED
    failure: Failure | None = None
    _offered: Options = NO_OPTIONS  # what our SYN says
    _has_timestamps: bool = False
    _has_sack: bool = False
    _has_ecn: bool = False
    _their_scale: int = 0
    _longest: int = DEFAULT_MSS  # payload and options of one segment, together
    _marked: bool = False  # a segment came with a congested router's mark: echo it (ECE) until CWR comes
    _slowed: bool = False  # we have slowed down for an ECE: say so (CWR)
    _abandoned: bool = False  # its user has closed it
    _repeated: bool = False  # the segment that was made last had been sent before
    _urgent_replies: list[Tcp] = field(default_factory=list)
    _challenges: list[float] = field(default_factory=list)
    _expires_at: float | None = None  # the end of TIME-WAIT
    _heard_at: float = 0.0
    _keepalive_at: float | None = None
    _keepalives: int = 0
    _last_acknowledged: int = 0

    # Beginning

    @classmethod
    def connect(
        cls,
        local: Endpoint,
        remote: Endpoint,
        *,
        isn: int,
        now: float,
        settings: Settings = Settings(),  # noqa: B008 - frozen
        parts: Parts = OURS,
    ) -> "Connection":
        """Open actively: the SYN comes from `segments_to_send`."""
        connection = cls._new(local, remote, isn=isn, settings=settings, parts=parts)
        connection._move(Event.OPEN)
        connection.sender.open()
        connection._heard_at = now
        return connection

    @classmethod
    def accept(
        cls,
        local: Endpoint,
        remote: Endpoint,
        syn: Tcp,
        *,
        isn: int,
        now: float,
        settings: Settings = Settings(),  # noqa: B008 - frozen
        parts: Parts = OURS,
    ) -> "Connection":
        """Answer a SYN that a listener has received."""
        connection = cls._new(local, remote, isn=isn, settings=settings, parts=parts)
        connection._move(Event.LISTEN)
        connection._move(Event.SYN)
        connection._agree(syn, now=now)
        connection.sender.open()
        return connection

    @classmethod
    def _new(cls, local: Endpoint, remote: Endpoint, *, isn: int, settings: Settings, parts: Parts) -> "Connection":
        scale = _scale_for(settings.receive_buffer) if settings.window_scale else None
        return cls(
            local=local,
            remote=remote,
            settings=settings,
            sender=parts.sender(isn, settings),
            receiver=parts.receiver(0, settings),
            timestamps=Timestamps(offset=isn),
            _offered=Options(
                mss=settings.mss,
                window_scale=scale,
                sack_permitted=settings.sack,
                timestamps=(0, 0) if settings.timestamps else None,
            ),
        )

    def _agree(self, syn: Tcp, *, now: float) -> None:
        """Take in the other side's SYN: where its numbers begin, and which options both sides know."""
        options, offered = syn.options, self._offered
        self.receiver.begin(syn.sequence + 1)
        self._longest = min(options.mss or DEFAULT_MSS, self.settings.mss)
        self._has_timestamps = bool(offered.timestamps and options.timestamps)
        # RFC 6691: what is announced counts no options, so they take their room from the payload.
        self.sender.agree_on(self._longest - (STAMPS if self._has_timestamps else 0))
        self._has_sack = offered.sack_permitted and options.sack_permitted
        both_scale = offered.window_scale is not None and options.window_scale is not None
        self._their_scale = (options.window_scale or 0) if both_scale else 0
        self.receiver.scale = (offered.window_scale or 0) if both_scale else 0
        if self._has_timestamps:
            assert options.timestamps is not None
            self.timestamps.remember(options.timestamps[0], now=now)
        asks_for_ecn = syn.flags & (ECE | CWR) == (ECE | CWR) if not syn.flags & ACK else syn.flags & ECE != 0
        self._has_ecn = self.settings.ecn and asks_for_ecn
        if not self._has_sack:
            self.sender.recovery.without_sack()
        # What a SYN acknowledges counts when the segment as a whole is taken in; its window is never scaled.
        self.sender.window = self.sender.widest = syn.window
        self._offered = _without(self._offered, syn.options)

    # What the user does

    def write(self, data: bytes | memoryview) -> int:
        """Take as much of `data` as there is room for, and return how much; 0 when nothing may be sent any more."""
        if self.state in MAY_SEND or self.state in (State.SYN_SENT, State.SYN_RECEIVED):
            return self.sender.write(data)
        return 0

    def read(self, most: int, *, now: float) -> bytes:
        """Up to `most` bytes that have come; nothing if there are none (see `at_end`)."""
        return self.receiver.read(most, now=now)

    def shut_down(self, *, now: float) -> None:
        """Send nothing after what is written: a FIN follows it. Receiving goes on."""
        if self.state in (*MAY_SEND, State.SYN_RECEIVED):
            self.sender.close()
            self._move(Event.CLOSE)
        elif self.state is State.SYN_SENT:
            self._move(Event.CLOSE)

    def abort(self, *, now: float) -> None:
        """End at once: whatever is under way is given up, and the other side is told by a reset (RFC 9293, 3.10.5)."""
        if self.state in SYNCHRONIZED - {State.TIME_WAIT} or self.state is State.SYN_RECEIVED:
            self._reply(RST | ACK, self.sender.next, now=now)
        self._fail(Failure.ABORTED)

    def close(self, *, now: float, lingers: bool = True) -> None:
        """The user has no more to do with it: end in order, in the background.

        If something was received that nobody has read, or will come, the other side is told by a reset that it was in
        vain (RFC 1122, 4.2.2.13); also with `lingers=False`, at once.
        """
        unread = self.receiver.readable > 0 and self.state is not State.CLOSED
        if unread or not lingers or self.state is State.SYN_SENT:
            self.abort(now=now)
        elif self.state is not State.CLOSED:
            self._abandoned = True
            self.shut_down(now=now)
            self._watch_abandoned(now)

    def _watch_abandoned(self, now: float) -> None:
        """Nobody waits for the other side's FIN any more, so do not wait for ever (as Linux does)."""
        if self._abandoned and self.state is State.FIN_WAIT_2 and self._expires_at is None:
            self._expires_at = now + self.settings.time_wait

    @property
    def ended_sending(self) -> bool:
        """The user has shut down sending, or there is nothing left to send on."""
        return self.sender.closed or self.state is State.CLOSED

    @property
    def is_established(self) -> bool:
        """The handshake is over; whatever has happened since."""
        return self.state in SYNCHRONIZED

    @property
    def readable(self) -> int:
        """How many bytes wait to be read."""
        return self.receiver.readable

    @property
    def at_end(self) -> bool:
        """All that the other side will ever send has been read, or the connection is no more."""
        return not self.receiver.readable and (self.receiver.ended or self.state is State.CLOSED)

    @property
    def writable(self) -> int:
        """How many bytes `write` would take."""
        return self.sender.room if self.state in MAY_SEND else 0

    def marks_capable(self, segment: Tcp) -> bool:
        """Whether the packet of `segment` may say that it can bear a mark: new data only (RFC 3168, 6.1.4, 6.1.5)."""
        return self._has_ecn and bool(segment.payload) and not self._repeated

    def yields_to(self, syn: Tcp) -> bool:
        """Whether a SYN may open a new connection in place of this one, which only waits (RFC 9293, 3.6.1)."""
        beyond = distance(self.receiver.wanted % MODULUS, syn.sequence) > 0
        stamps = syn.options.timestamps if self._has_timestamps else None
        newer = stamps is not None and distance(self.timestamps.recent, stamps[0]) > 0
        return self.state is State.TIME_WAIT and (beyond or newer)

    # What arrives

    def receive(self, segment: Tcp, *, now: float, marked: bool = False) -> None:
        """Take in a segment that is for this connection; `marked`: a congested router has set CE on its packet."""
        if self.state is State.CLOSED:
            return
        self._heard_at = now
        self._keepalives, self._keepalive_at = 0, None
        if self.state is State.SYN_SENT:
            self._receive_in_syn_sent(segment, now=now)
        else:
            self._receive_synchronized(segment, marked=marked, now=now)

    def _receive_in_syn_sent(self, segment: Tcp, *, now: float) -> None:
        """RFC 9293, 3.10.7.3."""
        flags = segment.flags
        acknowledges = self._position(segment.acknowledgement) == self.sender.next > self.sender.first
        if flags & ACK and not acknowledges:
            if not flags & RST:
                self._reply_raw(RST, segment.acknowledgement)
            return
        if flags & RST:
            if flags & ACK:
                self._fail(Failure.REFUSED)
            return
        if not flags & SYN:
            return
        self._agree(segment, now=now)
        if flags & ACK:
            self._move(Event.SYN_ACK)
            self._acknowledge(segment, segment.sequence, now=now)
            self._take_text(segment, segment.sequence + 1, now=now)
            self.receiver.acknowledge(now)
        else:
            self._move(Event.SYN)
            self.sender.repeat_syn()

    def _receive_synchronized(self, segment: Tcp, *, marked: bool, now: float) -> None:
        """RFC 9293, 3.10.7.4, in its order: number, RST, SYN, ACK, text, FIN."""
        sequence = self.receiver.wanted + distance(self.receiver.wanted % MODULUS, segment.sequence)
        flags = segment.flags
        if self._is_old(segment, now=now) or not self._is_acceptable(segment, sequence):
            if not flags & RST:
                self._refuse(segment, sequence, now=now)
            return
        if flags & RST:
            self._receive_reset(sequence, now=now)
            return
        if flags & SYN:
            self._receive_syn(segment, sequence, now=now)
            return
        if not flags & ACK or not self._is_believable(segment, now=now):
            return
        self._note_stamp(segment, sequence, now=now)
        self._note_congestion(flags, marked=marked, now=now)
        self._acknowledge(segment, sequence, now=now)
        if self.state is State.CLOSED:
            return
        self._take_text(segment, sequence, now=now)

    def _position(self, acknowledgement: int) -> int:
        """The position in our own stream that a 32-bit number stands for."""
        return self.sender.next + distance(self.sender.next % MODULUS, acknowledgement)

    def _is_old(self, segment: Tcp, *, now: float) -> bool:
        """PAWS (RFC 7323, 5.3)."""
        stamps = segment.options.timestamps
        if not self._has_timestamps or stamps is None or segment.flags & RST:
            return False
        return self.timestamps.is_old(stamps[0], now=now)

    def _is_acceptable(self, segment: Tcp, sequence: int) -> bool:
        """Whether any of it lies within the window: the four cases of RFC 9293, 3.4 and its table 6."""
        wanted, window, length = self.receiver.wanted, self.receiver.open_window, segment.segment_length
        if length == 0:
            return sequence == wanted or wanted <= sequence < wanted + window
        if window == 0:
            return False
        return sequence < wanted + window and sequence + length > wanted

    def _refuse(self, segment: Tcp, sequence: int, *, now: float) -> None:
        """Answer an unacceptable segment with where we stand; in TIME-WAIT a repeated FIN starts the wait anew."""
        if self.state is State.SYN_RECEIVED and segment.flags & SYN and not segment.flags & ACK:
            self.sender.repeat_syn()  # Our answer was lost.
            return
        if self.state is State.TIME_WAIT and segment.flags & FIN:
            self._expires_at = now + self.settings.time_wait
        self.receiver.acknowledge(now)

    def _receive_reset(self, sequence: int, *, now: float) -> None:
        """RFC 5961 (3.2): only a reset with exactly the number that is wanted is believed; others must prove it."""
        if sequence != self.receiver.wanted:
            self._challenge(now)
        elif self.state is State.SYN_RECEIVED:
            self._fail(Failure.REFUSED)
        elif self.state in (State.CLOSING, State.LAST_ACK, State.TIME_WAIT):
            self._end()
        else:
            self._fail(Failure.RESET)

    def _receive_syn(self, segment: Tcp, sequence: int, *, now: float) -> None:
        """RFC 5961 (4.2): a SYN in the midst of a connection proves nothing; ask."""
        both_opened = self.state is State.SYN_RECEIVED and sequence + 1 == self.receiver.wanted
        if both_opened and segment.flags & ACK:
            self._acknowledge(segment, sequence, now=now)
            self.receiver.acknowledge(now)
        else:
            self._challenge(now)

    def _challenge(self, now: float) -> None:
        self._challenges = [when for when in self._challenges if now - when < CHALLENGE_PERIOD]
        if len(self._challenges) < CHALLENGES:
            self._challenges.append(now)
            self.receiver.acknowledge(now)

    def _is_believable(self, segment: Tcp, *, now: float) -> bool:
        """Whether the acknowledgement can be for something that we have sent (RFC 5961, 5.2)."""
        number = self._position(segment.acknowledgement)
        sender = self.sender
        if self.state is State.SYN_RECEIVED and not sender.unacknowledged < number <= sender.next:
            self._reply_raw(RST, segment.acknowledgement)  # RFC 9293 (3.10.7.4)
            return False
        if sender.unacknowledged - max(sender.widest, 1) <= number <= sender.next:
            return True
        self._challenge(now)
        return False

    def _note_stamp(self, segment: Tcp, sequence: int, *, now: float) -> None:
        # RFC 7323 (4.3): echo the stamp of the segment that the next acknowledgement answers first.
        stamps = segment.options.timestamps
        if self._has_timestamps and stamps and sequence <= self._last_acknowledged:
            self.timestamps.remember(stamps[0], now=now)

    def _note_congestion(self, flags: int, *, marked: bool, now: float) -> None:
        if not self._has_ecn:
            return
        if flags & CWR:
            self._marked = False
        if marked:
            self._marked = True
            self.receiver.acknowledge(now)
        if flags & ECE and self.sender.congested(now=now):
            self._slowed = True

    def _acknowledge(self, segment: Tcp, sequence: int, *, now: float) -> None:
        """Hand the acknowledgement to the sender, and see what it means for the state."""
        stamps = segment.options.timestamps if self._has_timestamps else None
        shift = 0 if segment.flags & SYN else self._their_scale
        self.sender.receive(
            Acknowledgement(
                number=self._position(segment.acknowledgement),
                window=segment.window << shift,
                sequence=sequence,
                sacked=[(self._position(begin), self._position(end)) for begin, end in segment.options.sack]
                if self._has_sack
                else (),
                bare=segment.segment_length == 0,
                echo=self.timestamps.round_trip(stamps[1], now=now) if stamps else None,
            ),
            now=now,
        )
        if self.state is State.SYN_RECEIVED and self.sender.unacknowledged > self.sender.first:
            self._move(Event.SYN_ACKNOWLEDGED)
        if self.sender.fin_acknowledged and (self.state, Event.FIN_ACKNOWLEDGED) in TRANSITIONS:
            self._move(Event.FIN_ACKNOWLEDGED)
            if self.state is State.TIME_WAIT:
                self._begin_to_wait(now)
            self._watch_abandoned(now)

    def _take_text(self, segment: Tcp, sequence: int, *, now: float) -> None:
        if self.state not in MAY_RECEIVE:
            return
        if self._abandoned and segment.payload and sequence + len(segment.payload) > self.receiver.wanted:
            self.abort(now=now)  # RFC 1122 (4.2.2.13): nobody will ever read this
            return
        if segment.payload or segment.flags & FIN:
            self.receiver.receive(sequence, segment.payload, segment.flags & FIN != 0, now=now)
        if self.receiver.ended:
            self._move(Event.FIN)
            if self.state is State.TIME_WAIT:
                self._begin_to_wait(now)

    # What goes out

    def segments_to_send(self, *, now: float) -> Iterator[Tcp]:
        """Everything that is to be sent now. Take all of it, and send it in order."""
        replies, self._urgent_replies = self._urgent_replies, []
        yield from replies
        if self.state in (State.CLOSED, State.LISTEN):
            return
        for record in self.sender.segments(now=now):
            yield self._segment_of(record, now=now)
        if self.receiver.ack_at is not None and self.receiver.ack_at <= now and self.state is not State.SYN_SENT:
            yield self._segment(self.sender.next, ACK, now=now)
        if self._keepalive_at is None and self.settings.keepalive is not None:
            self._keepalive_at = self._heard_at + self.settings.keepalive

    def _segment_of(self, record: Sent, *, now: float) -> Tcp:
        self._repeated = record.tries > 1
        if record.syn:
            return self._syn(record, now=now)
        flags = ACK | (FIN if record.fin else 0) | (PSH if record.push or (record.fin and record.payload) else 0)
        if self._slowed and record.payload and record.tries == 1:
            flags |= CWR
            self._slowed = False
        return self._segment(record.start, flags, record.payload, now=now)

    def _syn(self, record: Sent, *, now: float) -> Tcp:
        is_answer = self.state is not State.SYN_SENT
        flags = SYN | ACK if is_answer else SYN
        if self._has_ecn:
            flags |= ECE
        elif self.settings.ecn and not is_answer and record.tries == 1:  # RFC 3168 (6.1.1.1): not when it is repeated
            flags |= ECE | CWR
        window = self.receiver.announce_unscaled()
        stamps = (self.timestamps.value(now), self.timestamps.recent) if self._offered.timestamps else None
        options = Options(self._offered.mss, self._offered.window_scale, self._offered.sack_permitted, (), stamps)
        acknowledgement = self.receiver.wanted if is_answer else 0
        self._last_acknowledged = acknowledgement
        return self._raw(record.start, acknowledgement, flags, window, b"", options)

    def _segment(self, sequence: int, flags: int, payload: bytes = b"", *, now: float) -> Tcp:
        """A segment that says all that is to be said now: number, window, stamps, what has come beyond a gap."""
        receiver = self.receiver
        blocks = receiver.blocks() if self._has_sack else ()
        options = self._options(blocks, self._longest - len(payload), now=now)
        if self._marked:
            flags |= ECE
        window = receiver.announce() >> receiver.scale
        self._last_acknowledged = receiver.wanted
        return self._raw(sequence, receiver.wanted, flags, window, payload, options)

    def _options(self, blocks: Sequence[tuple[int, int]], room: int, *, now: float) -> Options:
        """Stamps, and as many blocks of SACK as fit: into the header's 40 bytes, and beside a payload."""
        if not (blocks or self._has_timestamps):
            return NO_OPTIONS
        stamps = (self.timestamps.value(now), self.timestamps.recent) if self._has_timestamps else None
        most = max(0, (min(room, 40) - (STAMPS if stamps else 0) - 4) // BLOCK)
        return Options(None, None, False, tuple(_wrapped(block) for block in blocks[:most]), stamps)

    def _raw(
        self, sequence: int, acknowledgement: int, flags: int, window: int, payload: bytes, options: Options
    ) -> Tcp:
        return Tcp(
            self.local[1],
            self.remote[1],
            sequence % MODULUS,
            acknowledgement % MODULUS,
            flags,
            window,
            payload,
            options,
        )

    def _reply(self, flags: int, sequence: int, *, now: float) -> None:
        self._urgent_replies.append(self._segment(sequence, flags, now=now))

    def _reply_raw(self, flags: int, sequence: int) -> None:
        self._urgent_replies.append(self._raw(sequence, 0, flags, 0, b"", NO_OPTIONS))

    # What time does

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        if self.state is State.CLOSED:
            return None
        timers = (self.sender.next_timer(), self.receiver.ack_at, self._expires_at, self._keepalive_at)
        return min((timer for timer in timers if timer is not None), default=None)

    def handle_timer(self, *, now: float) -> None:
        """Do what is due; what is to be sent then comes from `segments_to_send`."""
        if self._expires_at is not None and now >= self._expires_at:
            if self.state is State.TIME_WAIT:
                self._move(Event.LONG_ENOUGH)
            self._end()
            return
        self.sender.handle_timer(now=now)
        if self._keepalive_at is not None and now >= self._keepalive_at:
            self._keep_alive(now)
        if self.sender.failed:
            self._fail(Failure.TIMED_OUT)

    def _keep_alive(self, now: float) -> None:
        """RFC 1122 (4.2.3.6): an empty segment with an old number, which must be answered."""
        if self.sender.flight or self.state not in (State.ESTABLISHED, State.CLOSE_WAIT):
            self._keepalive_at = now + self.settings.keepalive_interval
        elif self._keepalives >= self.settings.keepalive_probes:
            self.sender.failed = True
        else:
            self._reply(ACK, self.sender.next - 1, now=now)
            self._keepalives += 1
            self._keepalive_at = now + self.settings.keepalive_interval

    def _begin_to_wait(self, now: float) -> None:
        self._expires_at = now + self.settings.time_wait

    # Moving, and ending

    def _move(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state, event]
        if self.state is State.CLOSED:
            self._end()

    def _fail(self, failure: Failure) -> None:
        self.failure = failure
        self._end()

    def _end(self) -> None:
        self.state, self._expires_at, self._keepalive_at = State.CLOSED, None, None

    def fail(self, failure: Failure) -> None:
        """The network says that it cannot go on (RFC 9293, 3.9.2.2)."""
        if self.state is not State.CLOSED:
            self._fail(failure)


def _scale_for(capacity: int) -> int:
    """The least shift with which a window of `capacity` bytes can be written in 16 bits (RFC 7323, 2)."""
    return min(14, max(0, (capacity - 1).bit_length() - 16))


def _wrapped(block: tuple[int, int]) -> tuple[int, int]:
    return block[0] % MODULUS, block[1] % MODULUS


def _without(ours: Options, theirs: Options) -> Options:
    """Of what we offer, what the other side has offered too: that is what an answer to a SYN may say."""
    return Options(
        mss=ours.mss,
        window_scale=ours.window_scale if theirs.window_scale is not None else None,
        sack_permitted=ours.sack_permitted and theirs.sack_permitted,
        timestamps=ours.timestamps if theirs.timestamps else None,
    )
