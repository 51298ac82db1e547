"""The second application: *reporter* sends what has been scored, *board* shows it. All of it in one file."""

import math

import trio

from netstack.flow.messages import Ack, Addressed, Data, Message, MessageError, Probe
from netstack.flow.sequence import add, before, distance


class WindowFull(Exception):
    """As many messages are under way as the window allows."""


class Sender:
    """Numbers messages from `first` on, and keeps at most `size` of them under way. Times are seconds."""

    def __init__(self, *, size: int, timeout: float, first: int = 0) -> None:
        self.size = size
        self.timeout = timeout
        self.next_number = first  # the number that the next message will have
        self.in_flight = 0  # how many messages are sent and not acknowledged
        self._base = first  # the oldest one under way
        self._ring = [b""] * size
        self._head = 0  # the slot of the oldest
        self._deadline = 0.0

    def may_send(self) -> bool:
        """Whether there is room in the window."""
        return self.in_flight < self.size

    def send(self, payload: bytes, *, now: float) -> Data:
        """Return the message that carries `payload`; raise `WindowFull` when there is no room."""
        if self.in_flight >= self.size:
            raise WindowFull
        data = Data(self.next_number, payload)
        self._ring[(self._head + self.in_flight) % self.size] = payload
        if self.in_flight == 0:
            self._deadline = now + self.timeout
        self.in_flight += 1
        self.next_number = add(self.next_number, 1)
        return data

    def receive(self, ack: Ack, *, now: float) -> int:
        """Take in an acknowledgement; return how many messages it newly acknowledges."""
        count = distance(self._base, ack.number)
        if count <= 0 or count > self.in_flight:
            return 0
        self._base = ack.number
        self._head = (self._head + count) % self.size
        self.in_flight -= count
        self._deadline = now + self.timeout
        return count

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called; None for never."""
        if self.in_flight == 0:
            return None
        return self._deadline

    def handle_timer(self, *, now: float) -> Data | None:
        """Return the oldest message, to be sent again, if its time has come."""
        if self.in_flight == 0 or now < self._deadline:
            return None
        self._deadline = now + self.timeout
        return Data(self._base, self._ring[self._head])


class Receiver:
    """Puts messages into order. Holds at most `size` that came too early; further ones are as good as lost."""

    def __init__(self, *, size: int, first: int = 0) -> None:
        self.size = size
        self.wanted = first  # the number that comes next: all before it have been handed over
        self._ring: list[bytes | None] = [None] * size
        self._head = 0  # the slot of the wanted one

    def receive(self, data: Data) -> list[bytes]:
        """Take in a message; return the payloads that are now in order, oldest first."""
        ahead = distance(self.wanted, data.number)
        if ahead < 0 or ahead >= self.size:
            return []
        self._ring[(self._head + ahead) % self.size] = data.payload
        out = []
        while (payload := self._ring[self._head]) is not None:
            out.append(payload)
            self._ring[self._head] = None
            self._head = (self._head + 1) % self.size
            self.wanted = add(self.wanted, 1)
        return out


LONGEST_PAUSE = 60.0  # seconds between two probes, at most


class Granter:
    """The receiver's side: turns what the reader has consumed into credit."""

    def __init__(self, *, capacity: int, first: int = 0) -> None:
        self.capacity = capacity
        self.first = first
        self._consumed = 0
        self._told = self.limit

    @property
    def limit(self) -> int:
        """The first number that the sender may not send."""
        return add(self.first, self._consumed + self.capacity)

    def consumed(self, total: int) -> None:
        """The reader has read `total` messages so far."""
        self._consumed = total

    def ack(self, wanted: int) -> Ack:
        """Return the acknowledgement to send now, when `wanted` is the next number wanted."""
        self._told = self.limit
        return Ack(wanted, distance(wanted, self._told))

    def worth_telling(self) -> bool:
        """Whether so much room has become free since the last acknowledgement that the sender must hear of it."""
        return 2 * distance(self._told, self.limit) >= self.capacity


class Spender:
    """The sender's side: knows the limit, and asks when it has stood still for too long. Times are seconds."""

    def __init__(self, *, probe_after: float, limit: int) -> None:
        self.probe_after = probe_after
        self.limit = limit
        self._waiting = 0
        self._pause = probe_after
        self._deadline = 0.0

    def may_send(self, number: int) -> bool:
        """Whether there is credit for `number`."""
        return before(number, self.limit)

    def receive(self, ack: Ack) -> None:
        """Take in an acknowledgement, which may raise the limit, and never lowers it."""
        new = add(ack.number, ack.credit)
        if before(self.limit, new):
            self.limit = new
            self._waiting = 0

    def blocked(self, *, now: float) -> None:
        """There is something to send, nothing under way, and no credit: start the probe timer, if it is not running."""
        if not self._waiting:
            self._waiting = 1
            self._pause = self.probe_after
            self._deadline = now + self._pause

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called; None for never."""
        if not self._waiting:
            return None
        return self._deadline

    def handle_timer(self, *, now: float) -> Probe | None:
        """Return a probe, if its time has come; the next one comes after twice as long."""
        if not self._waiting or now < self._deadline:
            return None
        self._pause = self._pause * 2
        if self._pause > LONGEST_PAUSE:
            self._pause = LONGEST_PAUSE
        self._deadline = now + self._pause
        return Probe(self.limit)


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


async def main(host):
    if host.arguments["role"] == "reporter":
        await reporter(host)
    else:
        await board(host)


async def reporter(host):
    settings = host.arguments
    line = Line(host.link, settings["peer"], settings["flow"])
    outgoing = Outgoing(line, sender(settings))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, host.link, line, outgoing)
        nursery.start_soon(outgoing.keep_time)
        async for score in host.apps["scores"]:
            await outgoing.send(score)


async def board(host):
    settings = host.arguments
    line = Line(host.link, settings["peer"], settings["flow"])
    granting = receiver(settings)
    incoming = Incoming(line, granting, deliver=host.apps["scores"].send_nowait)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, host.link, line, incoming)
        shown = 0
        while True:
            await host.apps["scores"].wait_consumed(shown + 1)
            shown = host.apps["scores"].consumed
            await incoming.consumed(shown)
