"""The second application: *reporter* sends what has been scored, *board* shows it.

Nothing but the last three functions is about scores. All else is a copy of *teams*' and *players*' networking, word for
word: the window, the credit, the input and output around them. That is the price that figure 3 of the essay shows, and
the tests see to it that the copies stay copies. Whoever mends a fault there has to mend it here.
"""

import math
from collections import deque
from dataclasses import dataclass, field

import trio

from netstack.flow.messages import Ack, Addressed, Data, Message, MessageError, Probe
from netstack.flow.sequence import add, before, distance

# What is under way, and in which order --------------------------------------------------------------------------------


class WindowFull(Exception):
    """As many messages are under way as the window allows."""


@dataclass(slots=True, kw_only=True)
class Sender:
    """Numbers messages from `first` on, and keeps at most `size` of them under way. Times are seconds."""

    size: int
    timeout: float
    first: int = 0
    _next: int = field(init=False)
    _outstanding: deque[Data] = field(default_factory=deque)
    _resend_at: float | None = None

    def __post_init__(self) -> None:
        self._next = self.first

    @property
    def next_number(self) -> int:
        """The number that the next message will have."""
        return self._next

    @property
    def in_flight(self) -> int:
        """How many messages are sent and not acknowledged."""
        return len(self._outstanding)

    def may_send(self) -> bool:
        return self.in_flight < self.size

    def send(self, payload: bytes, *, now: float) -> Data:
        """Return the message that carries `payload`; raises `WindowFull` when `may_send` is false."""
        if not self.may_send():
            raise WindowFull(f"{self.in_flight} messages are under way")
        data = Data(self._next, payload)
        self._next = add(self._next, 1)
        self._outstanding.append(data)
        if self._resend_at is None:
            self._resend_at = now + self.timeout
        return data

    def receive(self, ack: Ack, *, now: float) -> int:
        """Take in an acknowledgement; return how many messages it newly acknowledges."""
        oldest = add(self._next, -self.in_flight)
        acknowledged = distance(oldest, ack.number)
        if not 0 < acknowledged <= self.in_flight:
            return 0  # An old one, come late; or one for what was never sent.
        for _ in range(acknowledged):
            self._outstanding.popleft()
        # RFC 6298 (5.2, 5.3): progress restarts the timer; nothing outstanding stops it.
        self._resend_at = now + self.timeout if self._outstanding else None
        return acknowledged

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return self._resend_at

    def handle_timer(self, *, now: float) -> Data | None:
        """Return the oldest message, to be sent again, if its time has come."""
        if self._resend_at is None or now < self._resend_at:
            return None
        self._resend_at = now + self.timeout
        return self._outstanding[0]


@dataclass(slots=True, kw_only=True)
class Receiver:
    """Puts messages into order. Holds at most `size` that came too early; further ones are as good as lost."""

    size: int
    first: int = 0
    _wanted: int = field(init=False)
    _early: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wanted = self.first

    @property
    def wanted(self) -> int:
        """The number that comes next: all before it have been handed over."""
        return self._wanted

    def receive(self, data: Data) -> list[bytes]:
        """Take in a message; return the payloads that are now in order, oldest first."""
        if 0 <= distance(self._wanted, data.number) < self.size:
            self._early[data.number] = data.payload
        ready = []
        while self._wanted in self._early:
            ready.append(self._early.pop(self._wanted))
            self._wanted = add(self._wanted, 1)
        return ready


# How much more the other side can take --------------------------------------------------------------------------------

LONGEST_PAUSE = 60.0


@dataclass(slots=True, kw_only=True)
class Granter:
    """The receiver's side: turns what the reader has consumed into credit."""

    capacity: int
    first: int = 0
    _consumed: int = 0
    _told: int = field(init=False)

    def __post_init__(self) -> None:
        self._told = self.limit

    @property
    def limit(self) -> int:
        """The first number that the sender may not send."""
        return add(self.first, self._consumed + self.capacity)

    def consumed(self, total: int) -> None:
        """The reader has read `total` messages so far."""
        self._consumed = total

    def ack(self, wanted: int) -> Ack:
        """The acknowledgement to send now, when `wanted` is the next number wanted."""
        self._told = self.limit
        return Ack(wanted, distance(wanted, self.limit))

    def worth_telling(self) -> bool:
        """Whether the reader has freed so much room since the last acknowledgement that the sender must hear of it."""
        return distance(self._told, self.limit) * 2 >= self.capacity


@dataclass(slots=True, kw_only=True)
class Spender:
    """The sender's side: knows the limit, and asks when it has stood still for too long. Times are seconds."""

    probe_after: float
    limit: int
    _probe_at: float | None = None
    _pause: float = 0.0

    def may_send(self, number: int) -> bool:
        """Whether there is credit for `number`."""
        return before(number, self.limit)

    def receive(self, ack: Ack) -> None:
        """Take in an acknowledgement; one that was overtaken by a later one changes nothing."""
        granted = add(ack.number, ack.credit)
        if before(self.limit, granted):
            self.limit = granted
            self._probe_at = None

    def blocked(self, *, now: float) -> None:
        """The sender has something to send, nothing under way, and no credit: start the probe timer if it is not."""
        if self._probe_at is None:
            self._pause = self.probe_after
            self._probe_at = now + self._pause

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return self._probe_at

    def handle_timer(self, *, now: float) -> Probe | None:
        """Return a probe, if its time has come; the next one comes after twice as long."""
        if self._probe_at is None or now < self._probe_at:
            return None
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._probe_at = now + self._pause
        return Probe(self.limit)


# Input, output and the clock ------------------------------------------------------------------------------------------


class Line:
    """Where the messages of one conversation go: to the station `peer`, in the flow number `flow`."""

    def __init__(self, link, peer: str, flow: int) -> None:
        self._link = link
        self._peer = bytes.fromhex(peer.replace(":", ""))
        self._flow = flow

    async def put(self, message: Message) -> None:
        """Send one message."""
        await self._link.send(Addressed(self._peer, self._link.address, message, self._flow).build())

    def ours(self, frame: bytes) -> Message | None:
        """What `frame` says, if it says it to us in this conversation; else None."""
        try:
            heard = Addressed.parse(frame)
        except MessageError:
            return None
        wanted = (self._link.address, self._peer, self._flow)
        return heard.message if (heard.destination, heard.source, heard.flow) == wanted else None


async def listen(link, line: Line, *ends: "Outgoing | Incoming") -> None:
    """Hand every message of this conversation to its ends, for ever."""
    async for frame in link:
        message = line.ours(frame)
        if message is not None:
            for end in ends:
                await end.hear(message)


class Outgoing:
    """The sending end. `sender` says what may be sent and when; start `keep_time` in a task of its own."""

    def __init__(self, line: Line, sender) -> None:
        self._line = line
        self._sender = sender
        self._room = trio.lowlevel.ParkingLot()
        self._times = trio.lowlevel.ParkingLot()

    async def send(self, payload: bytes) -> None:
        """Send a payload as soon as it may be sent. One task at a time."""
        while not self._sender.may_send():
            self._times.unpark_all()
            await self._room.park()
        data = self._sender.send(payload, now=trio.current_time())
        self._times.unpark_all()
        await self._line.put(data)

    async def hear(self, message: Message) -> None:
        """Acknowledgements are for the sending end."""
        if isinstance(message, Ack):
            self._sender.receive(message, now=trio.current_time())
            self._times.unpark_all()
            self._room.unpark_all()

    async def keep_time(self) -> None:
        """Send what is due when it is due, for ever."""
        while True:
            due = self._sender.next_timer()
            with trio.move_on_at(math.inf if due is None else due):
                await self._times.park()
                continue
            message = self._sender.handle_timer(now=trio.current_time())
            if message is not None:
                await self._line.put(message)
            else:
                self._expect_progress()

    def _expect_progress(self) -> None:
        due, now = self._sender.next_timer(), trio.current_time()
        if due is not None and due <= now:
            raise RuntimeError(f"handle_timer(now={now}) returned None, and next_timer() still says {due}: a loop")


class Incoming:
    """The receiving end. `receiver` says what to hand over, by `deliver`, and what to answer."""

    def __init__(self, line: Line, receiver, deliver) -> None:
        self._line = line
        self._receiver = receiver
        self._deliver = deliver

    async def hear(self, message: Message) -> None:
        """Data and probes are for the receiving end; either is answered, if there is an answer."""
        if isinstance(message, Data):
            for payload in self._receiver.receive(message):
                self._deliver(payload)
        if isinstance(message, Data | Probe):
            await self._put(self._receiver.answer())

    async def consumed(self, total: int) -> None:
        """The reader has read `total` payloads so far."""
        await self._put(self._receiver.consumed(total))

    async def _put(self, ack: Ack | None) -> None:
        if ack is not None:
            await self._line.put(ack)


# All of it together ---------------------------------------------------------------------------------------------------


def sender(settings) -> "Spending":
    """The sending end: it may send what both the window and the credit allow."""
    first, capacity = settings["first"], settings["capacity"]
    return Spending(
        Sender(size=settings["window"], timeout=settings["timeout"], first=first),
        Spender(probe_after=settings["probe_after"], limit=add(first, capacity)),
    )


def receiver(settings) -> "Granting":
    """The receiving end: room for `capacity` messages, and not one more."""
    first, capacity = settings["first"], settings["capacity"]
    return Granting(Receiver(size=capacity, first=first), Granter(capacity=capacity, first=first))


class Spending:
    """Your `Sender` and your `Spender`, as `Outgoing` wants them."""

    def __init__(self, window: Sender, credit: Spender) -> None:
        self._window = window
        self._credit = credit

    def may_send(self) -> bool:
        """Asked when there is something to send. Without credit and with nothing under way, we are blocked."""
        has_credit = self._credit.may_send(self._window.next_number)
        if not has_credit and not self._window.in_flight:
            self._credit.blocked(now=trio.current_time())
        return has_credit and self._window.may_send()

    def send(self, payload: bytes, *, now: float) -> Data:
        """Number a payload."""
        return self._window.send(payload, now=now)

    def receive(self, ack: Ack, *, now: float) -> None:
        """An acknowledgement tells the window what has arrived, and the credit what there is room for."""
        self._window.receive(ack, now=now)
        self._credit.receive(ack)

    def next_timer(self) -> float | None:
        """The earlier of both."""
        times = (self._window.next_timer(), self._credit.next_timer())
        return min((at for at in times if at is not None), default=None)

    def handle_timer(self, *, now: float) -> Message | None:
        """What is due: a repeat, or a probe."""
        return self._window.handle_timer(now=now) or self._credit.handle_timer(now=now)


class Granting:
    """Your `Receiver` and your `Granter`, as `Incoming` wants them."""

    def __init__(self, window: Receiver, credit: Granter) -> None:
        self._window = window
        self._credit = credit

    def receive(self, data: Data) -> list[bytes]:
        """What is to be handed over now. For what lies beyond the limit there is no room."""
        return self._window.receive(data) if before(data.number, self._credit.limit) else []

    def answer(self) -> Ack:
        """What to say to whatever has come in."""
        return self._credit.ack(self._window.wanted)

    def consumed(self, total: int) -> Ack | None:
        """Pass on that more was read; return the window update, if it is worth one."""
        self._credit.consumed(total)
        return self._credit.ack(self._window.wanted) if self._credit.worth_telling() else None


# The business ---------------------------------------------------------------------------------------------------------


async def main(host):
    await {"reporter": reporter, "board": board}[host.arguments["role"]](host)


async def reporter(host):
    line = Line(host.link, host.arguments["peer"], host.arguments["flow"])
    outgoing = Outgoing(line, sender(host.arguments))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, host.link, line, outgoing)
        nursery.start_soon(outgoing.keep_time)
        async for score in host.apps["scores"]:
            await outgoing.send(score)


async def board(host):
    app = host.apps["scores"]
    line = Line(host.link, host.arguments["peer"], host.arguments["flow"])
    incoming = Incoming(line, receiver(host.arguments), deliver=app.send_nowait)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, host.link, line, incoming)
        shown = 0
        while True:
            await app.wait_consumed(shown + 1)
            shown = app.consumed
            await incoming.consumed(shown)
