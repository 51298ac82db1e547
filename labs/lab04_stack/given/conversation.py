"""A conversation: the input, the output and the clock around your classes, which have none of the three.

At the sending end stands an `Outgoing`, at the receiving end an `Incoming`, and `listen` hands to them what the wire
brings. What may be sent, what is repeated, what is handed over and what is answered: that your classes decide.
"""

import math

import trio

from netstack.flow.messages import Ack, Addressed, Data, Message, MessageError, Probe


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
