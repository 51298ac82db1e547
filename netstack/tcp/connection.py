"""One connection of TCP, without any input or output: segments go in, segments come out, time is told (RFC 9293).

    connection = Connection.connect(local, remote, isn=…, now=now)      or Connection.accept(…, syn, …)
    connection.receive(segment, now=now)                               what the network brought
    connection.write(data); connection.read(most, now=now); …          what the user does
    for segment in connection.segments_to_send(now=now): …             after each of these, always
    connection.next_timer()                                            when to call handle_timer(now=…) at the latest

It is put together from parts that know nothing of each other: a `Receiver` (what has come), a `Sender` (what goes), and
behind it `Flight`, `Recovery`, a detector of losses, a congestion control. `arrivals` judges what comes, `headers`
writes what goes, `negotiation` says what both sides can do. Here is what is left: the states, the user, and time.

Numbers. On the wire they have 32 bits and wrap. Inside they are positions that only grow: a number that arrives stands
for the position nearest to the one expected. So nothing else in this package ever compares in a circle.

**Not implemented**: the urgent pointer (the bytes are ordinary data, RFC 6093), path MTU discovery, TCP Fast Open, SYN
cookies, D-SACK, and IPv6. Defences of RFC 5961 are always on. `docs/rfc.md` goes through the clauses one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from netstack.flow.sequence import MODULUS, distance
from netstack.packets.tcp import ACK, CWR, FIN, PSH, RST, Tcp
from netstack.tcp import arrivals
from netstack.tcp.flight import Sent
from netstack.tcp.hardening import Challenges
from netstack.tcp.headers import Headers
from netstack.tcp.isn import Endpoint
from netstack.tcp.keepalive import Keepalive
from netstack.tcp.negotiation import Terms, agree, answer, offer
from netstack.tcp.parts import OURS, Parts
from netstack.tcp.receiver import Receiver
from netstack.tcp.sender import Sender
from netstack.tcp.settings import Settings
from netstack.tcp.states import MAY_SEND, SYNCHRONIZED, TRANSITIONS, Event, Failure, State
from netstack.tcp.timestamps import Timestamps

HEARD_IN = {State.ESTABLISHED, State.CLOSE_WAIT, State.FIN_WAIT_2}
"""Where nothing that we have sent need be under way, so that only keepalives tell whether somebody is still there."""
NEEDS_RESET = SYNCHRONIZED - {State.CLOSING, State.LAST_ACK, State.TIME_WAIT} | {State.SYN_RECEIVED}
"""Where the other side must be told that we give up (RFC 9293, 3.10.5)."""


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """A connection between `local` and `remote`. Make one with `connect` or `accept`. Times are seconds."""

    local: Endpoint
    remote: Endpoint
    settings: Settings
    sender: Sender
    receiver: Receiver
    timestamps: Timestamps
    headers: Headers
    keepalive: Keepalive
    state: State = State.CLOSED
    failure: Failure | None = None
    abandoned: bool = False
    """Its user has closed it, and will never read again."""
    _challenges: Challenges = field(default_factory=Challenges)
    _replies: list[Tcp] = field(default_factory=list)  # to go before anything else
    _repeated: bool = False  # the segment that was made last had been sent before
    _expires_at: float | None = None  # the end of TIME-WAIT, or of waiting for a FIN that nobody wants

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
        connection.move(Event.OPEN, now=now)
        connection.keepalive.heard(now=now)
        connection.sender.open()
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
        connection.move(Event.LISTEN, now=now)
        connection.move(Event.SYN, now=now)
        connection.keepalive.heard(now=now)
        connection.agree(syn, now=now)
        connection.sender.open()
        return connection

    @classmethod
    def _new(cls, local: Endpoint, remote: Endpoint, *, isn: int, settings: Settings, parts: Parts) -> "Connection":
        receiver, timestamps = parts.receiver(0, settings), Timestamps(offset=isn)
        return cls(
            local=local,
            remote=remote,
            settings=settings,
            sender=parts.sender(isn, settings),
            receiver=receiver,
            timestamps=timestamps,
            headers=Headers(
                local=local, remote=remote, receiver=receiver, timestamps=timestamps, offered=offer(settings)
            ),
            keepalive=Keepalive(
                idle=settings.keepalive, interval=settings.keepalive_interval, probes=settings.keepalive_probes
            ),
        )

    def agree(self, syn: Tcp, *, now: float) -> None:
        """Take in the other side's SYN: where its numbers begin, and which options both sides know."""
        headers = self.headers
        headers.terms = agree(self.settings, headers.offered, syn)
        headers.offered = answer(headers.offered, syn.options)
        self.receiver.begin(syn.sequence + 1)
        self.receiver.scale = headers.terms.our_scale
        self.sender.agree_on(headers.terms.payload, sack=headers.terms.sack)
        if headers.terms.timestamps and syn.options.timestamps:
            self.timestamps.remember(syn.options.timestamps[0], now=now)
        # What a SYN acknowledges counts when the segment as a whole is taken in; its window is never scaled.
        self.sender.window = self.sender.widest = syn.window

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
        if self.state in MAY_SEND or self.state is State.SYN_RECEIVED:
            self.sender.close()
            self.move(Event.CLOSE, now=now)
        elif self.state is State.SYN_SENT:
            self.move(Event.CLOSE, now=now)

    def close(self, *, now: float, lingers: bool = True) -> None:
        """The user has no more to do with it: end in order, in the background.

        If something was received that nobody has read, or will come, the other side is told by a reset that it was in
        vain (RFC 1122, 4.2.2.13); also with `lingers=False`, at once.
        """
        if self.state in (State.CLOSED, State.TIME_WAIT):
            return  # Nothing is left to say; whoever is waiting out old segments goes on doing so.
        if self.receiver.readable or not lingers or self.state is State.SYN_SENT:
            self.abort(now=now)
        else:
            self.abandoned = True
            self.shut_down(now=now)
            self._watch_abandoned(now)

    def abort(self, *, now: float) -> None:
        """End at once: whatever is under way is given up, and the other side is told by a reset (RFC 9293, 3.10.5)."""
        if self.state in NEEDS_RESET:
            self._replies.append(self.headers.segment(self.sender.next, RST | ACK, now=now))
        self.fail(Failure.ABORTED)

    # What it looks like

    @property
    def terms(self) -> Terms:
        """What both sides have agreed on."""
        return self.headers.terms

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
        """Whether the packet of `segment`, the one made last, may bear a mark: only new data (RFC 3168, 6.1.5)."""
        return self.terms.ecn and bool(segment.payload) and not self._repeated

    def yields_to(self, syn: Tcp) -> bool:
        """Whether a SYN may open a new connection in place of this one, which only waits (RFC 9293, 3.6.1)."""
        beyond = distance(self.receiver.wanted % MODULUS, syn.sequence) > 0
        stamps = syn.options.timestamps if self.terms.timestamps else None
        newer = stamps is not None and distance(self.timestamps.recent, stamps[0]) > 0
        return self.state is State.TIME_WAIT and (beyond or newer)

    # What arrives

    def receive(self, segment: Tcp, *, now: float, marked: bool = False) -> None:
        """Take in a segment that is for this connection; `marked`: a congested router has set CE on its packet."""
        if self.state is State.SYN_SENT:
            arrivals.take_in_syn_sent(self, segment, now=now)
        elif self.state is not State.CLOSED:
            arrivals.take_in(self, segment, marked=marked, now=now)

    def challenge(self, *, now: float) -> None:
        """Answer a doubtful segment with where we stand, unless that has been done often enough lately."""
        if self._challenges.allow(now=now):
            self.receiver.acknowledge(now)

    def reset_stranger(self, acknowledgement: int) -> None:
        """Answer a segment that acknowledges what this connection has never sent, so that it ends over there."""
        self._replies.append(self.headers.bare(acknowledgement, 0, RST))

    # What goes out

    def segments_to_send(self, *, now: float) -> Iterator[Tcp]:
        """Everything that is to be sent now. Take all of it, and send it in order."""
        if self._replies:
            replies, self._replies = self._replies, []
            yield from replies
        if self.state is State.CLOSED:
            return
        for record in self.sender.segments(now=now):
            yield self._segment_of(record, now=now)
        ack_at = self.receiver.ack_at
        if ack_at is not None and ack_at <= now:
            yield self.headers.segment(self.sender.next, ACK, now=now)

    def _segment_of(self, record: Sent, *, now: float) -> Tcp:
        self._repeated = record.tries > 1
        if record.syn:
            return self._syn(record, now=now)
        flags = ACK
        if record.fin:
            flags |= FIN | PSH if record.payload else FIN
        elif record.push:
            flags |= PSH
        if self.sender.recovery.slowed and self.terms.ecn and record.payload and not self._repeated:
            flags |= CWR  # RFC 3168 (6.1.2): on the first new data after the window was reduced, for whatever reason
            self.sender.recovery.slowed = False
        return self.headers.segment(record.start, flags, record.payload, now=now)

    def _syn(self, record: Sent, *, now: float) -> Tcp:
        # RFC 3168 (6.1.1.1): not when it is repeated, for there are routers that drop whatever asks for ECN.
        asks_for_ecn = self.settings.ecn and not self._repeated
        is_answer = self.state is not State.SYN_SENT
        return self.headers.syn(record.start, is_answer=is_answer, asks_for_ecn=asks_for_ecn, now=now)

    # What time does

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        if self.state is State.CLOSED:
            return None
        timers = (self.sender.next_timer(), self.receiver.ack_at, self._expires_at, self.keepalive.at)
        return min([timer for timer in timers if timer is not None], default=None)

    def handle_timer(self, *, now: float) -> None:
        """Do what is due; what is to be sent then comes from `segments_to_send`."""
        if self.state is State.CLOSED:
            return
        if self._expires_at is not None and now >= self._expires_at:
            if self.state is State.TIME_WAIT:
                self.move(Event.LONG_ENOUGH, now=now)
            self.end()
            return
        self.sender.handle_timer(now=now)
        if self.sender.failed or not self._keep_alive(now):
            self.fail(Failure.TIMED_OUT)

    def _keep_alive(self, now: float) -> bool:
        """Ask whether somebody is there, if it is time; False when nobody is."""
        if not self.keepalive.is_due(now=now):
            return True
        if self.sender.flight or self.state not in HEARD_IN:
            self.keepalive.postpone(now=now)
        elif not self.keepalive.ask(now=now):
            return False
        else:
            # RFC 9293 (3.8.4): an empty segment with an old number, which must be answered
            self._replies.append(self.headers.segment(self.sender.next - 1, ACK, now=now))
        return True

    def begin_to_wait(self, *, now: float) -> None:
        """TIME-WAIT: until nothing of this connection can be on its way any more."""
        self._expires_at = now + self.settings.time_wait

    def _watch_abandoned(self, now: float) -> None:
        """Nobody waits for the other side's FIN any more, so do not wait for ever (as Linux does)."""
        if self.abandoned and self.state is State.FIN_WAIT_2 and self._expires_at is None:
            self._expires_at = now + self.settings.time_wait

    # Moving, and ending

    def move(self, event: Event, *, now: float) -> None:
        """Follow the law of `states`; a wait may begin."""
        self.state = TRANSITIONS[self.state, event]
        if self.state is State.TIME_WAIT:
            self.begin_to_wait(now=now)
        elif self.state is State.CLOSED:
            self.end()
        else:
            self._watch_abandoned(now)

    def fail(self, failure: Failure) -> None:
        """It cannot go on, because of what the network says (RFC 9293, 3.9.2.2), or of what it no longer says."""
        if self.state is not State.CLOSED:
            self.failure = failure
            self.end()

    def end(self) -> None:
        """It is no more."""
        self.state, self._expires_at, self.keepalive.at = State.CLOSED, None, None
