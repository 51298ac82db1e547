"""Our own stack as a ground: a `Host` and a `Program` on it, in virtual time. Nothing is late here, and nothing early.

The host begins half a millisecond after its clock's tick, so that sums of decimal fractions never fall on a tick's
edge. Calls are those of `netstack.calls`; a call that must not block and is not answered at once is taken back.
"""

import errno
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from labs.pkt.assertion import Value
from labs.pkt.ground import LOCAL, LOCAL_MAC, PORT, PREFIX, REMOTE, GroundFault, Reply, Sent, answer_to, in_frame
from labs.pkt.script import Call
from labs.pkt.settings import Setup
from netstack.calls import Program
from netstack.host import Host, Interface
from netstack.packets import Ethernet, ethernet
from netstack.requests import Answer, Operation, Request
from netstack.tcp import Connection, Settings
from netstack.tcp.congestion import NewReno
from netstack.tcp.cubic import Cubic

BEGINNING = 1000.0005
MOST_AT_ONCE = 1000  # timers that go off at the same moment
CONGESTIONS = {"reno": NewReno, "cubic": Cubic}
_OPERATIONS = {
    "bind": Operation.BIND,
    "listen": Operation.LISTEN,
    "connect": Operation.CONNECT,
    "accept": Operation.ACCEPT,
    "read": Operation.RECEIVE,
    "recv": Operation.RECEIVE,
    "write": Operation.SEND,
    "send": Operation.SEND,
    "shutdown": Operation.SHUT_DOWN,
}
_EVENTS = {"POLLIN": Operation.WAIT_READABLE, "POLLOUT": Operation.WAIT_WRITABLE}


class NetstackGround:
    """See `ground.Ground`."""

    name = "netstack"
    patience = 3600.0

    def __init__(self, setup: Setup) -> None:
        interface = Interface("eth0", LOCAL_MAC, LOCAL, PREFIX, setup.mtu)
        self._host = Host(interfaces=[interface], randomness=random.Random(1), settings=settings_of(setup))
        self._program = Program(self._host)
        self._now, self._at = BEGINNING, 0.0  # the same moment, on the host's clock and on the script's
        self._call: Call | None = None  # the one that has no answer yet
        self._data, self._done = b"", 0  # what it is to write, and how much of that is written
        self._numbers = 0
        self._waiting: dict[int, tuple[int, str]] = {}  # requests made for it: socket, and event if it is a poll
        self._found: dict[int, set[str]] = {}
        self._deadline: float | None = None
        self._latest: Connection | None = None
        self.sent: deque[Sent] = deque()
        self.reply: Reply | None = None

    @property
    def now(self) -> float:
        """What time it is."""
        return self._at

    def tolerance(self, span: float) -> float:
        """None but for the rounding of fractions."""
        return 1e-6

    def send(self, packet: bytes) -> None:
        """Hand the host a packet."""
        self._host.receive(0, in_frame(packet, mtu=self._host.interfaces[0].mtu), now=self._now)
        self._settle()

    def let_pass(self, until: float, *, for_news: bool = False) -> None:
        """Jump from timer to timer; raises `GroundFault` when one goes off without end."""
        at_once = 0
        while not (for_news and (self.sent or self.reply)):
            due = [time for time in (self._host.next_timer(), self._deadline) if time is not None]
            if not due or min(due) > until + BEGINNING:
                self._now, self._at = max(self._now, until + BEGINNING), max(self._at, until)
                return
            at_once = at_once + 1 if min(due) <= self._now else 0
            if at_once > MOST_AT_ONCE:
                raise GroundFault("a timer goes off again and again, and time stands still")
            self._now = max(self._now, min(due))
            self._at = max(self._at, self._now - BEGINNING)
            self._host.handle_timer(now=self._now)
            self._settle()
            if self._deadline is not None and self._now >= self._deadline:
                self._answer(0)

    def told(self, socket: int | None) -> Mapping[str, Value]:
        """How the latest connection stands."""
        connection = self._latest = next(reversed(self._host.ports.connections.values()), self._latest)
        if connection is None:
            return {"state": "LISTEN" if self._host.ports.listeners else "CLOSED"}
        sender = connection.sender
        congestion, mss = sender.recovery.congestion, sender.mss
        return {
            "state": str(connection.state),
            "cwnd": congestion.window // mss,
            "ssthresh": getattr(congestion, "threshold", 0) // mss,
            "in_flight": len(sender.flight.records),
            "rto": sender.round_trip.timeout,
            "srtt": sender.round_trip.smoothed or 0.0,
        }

    def _settle(self) -> None:
        """Everything that follows from what has just happened, until nothing does."""
        busy = True
        while busy:
            touched, frames = self._host.touched(), self._host.frames_to_send()
            self._program.look_at(touched, now=self._now)
            for _, frame in frames:
                self._carry(frame)
            answers = self._program.answers(now=self._now)
            for answer in answers:
                self._take(answer)
            if self._found and self._call is not None:
                self._answer(len(self._found))
            busy = bool(touched or frames or answers)

    def _carry(self, frame: bytes) -> None:
        if (answer := answer_to(frame)) is not None:
            self._host.receive(0, answer, now=self._now)
        elif (ether := Ethernet.parse(frame)).type == ethernet.IPV4:
            self.sent.append(Sent(self.now, ether.payload))

    # Calls

    def ask(self, call: Call, data: bytes, *, blocks: bool) -> None:
        """Make a system call."""
        self.reply, self._call, self._data, self._done = None, call, data, 0
        self._waiting, self._found = {}, {}
        self._deadline = self._now + call.number / 1000 if call.name == "poll" and call.number >= 0 else None
        if call.name in _OPERATIONS:
            self._request(_OPERATIONS[call.name], call.socket, data=data)
        elif call.name == "poll":
            for each in call.polled:
                for event in each.events:
                    self._request(_EVENTS[event], each.socket, event)
        elif call.name == "getsockopt":
            self._request(Operation.CONNECT, call.socket)  # asked again, it tells what became of it
        else:
            if (operation := _operation_of(call)) is not None:
                self._request(operation, call.socket)
            self._answer(call.socket if call.name == "socket" else 0)
        self._settle()
        if self.reply is None and not blocks:
            self._take_back(call)

    def _request(self, operation: Operation, socket: int, event: str = "", data: bytes = b"") -> None:
        call = self._call
        assert call is not None
        self._numbers += 1
        self._waiting[self._numbers] = socket, event
        address = REMOTE if operation is Operation.CONNECT else 0
        number = call.returns or 0 if call.name == "accept" else call.number
        request = Request(self._numbers, operation, socket, address, PORT, number, data)
        self._program.request(request, now=self._now)

    def _answer(self, value: int, error: str = "", data: bytes = b"") -> None:
        call = self._call
        found = tuple(frozenset(self._found.get(each.socket, ())) for each in call.polled) if call else ()
        self.reply = Reply(self.now, value, error, data, found)
        for number in self._waiting:
            self._program.request(Request(0, Operation.CANCEL, 0, number=number), now=self._now)
        self._waiting, self._call, self._deadline = {}, None, None

    def _take(self, answer: Answer) -> None:
        call = self._call
        if answer.call not in self._waiting or call is None:
            return
        socket, event = self._waiting.pop(answer.call)
        if event:
            self._found.setdefault(socket, set()).add(event)
        elif call.name == "getsockopt":
            self._answer(answer.error)
        elif answer.error:
            self._answer(-1, errno.errorcode[answer.error])
        elif call.name in ("write", "send"):
            self._go_on_writing(answer.number)
        elif call.name in ("read", "recv"):
            self._answer(len(answer.data), data=answer.data)
        else:
            self._answer(call.returns or 0 if call.name == "accept" else 0)

    def _go_on_writing(self, count: int) -> None:
        """Linux's `write` returns when all is written; the host's takes what there is room for."""
        self._done += count
        if self._done < len(self._data) and self._call is not None:
            self._request(Operation.SEND, self._call.socket, data=self._data[self._done :])
        else:
            self._answer(self._done)

    def _take_back(self, call: Call) -> None:
        """What must not block, and has no answer yet, gets the one that POSIX has for that."""
        if call.name == "connect":
            self._waiting.clear()  # it goes on without us
            self._answer(-1, "EINPROGRESS")
        elif call.name in ("poll", "getsockopt"):
            self._answer(0)
        elif self._done:
            self._answer(self._done)
        else:
            self._answer(-1, "EAGAIN")


def _operation_of(call: Call) -> Operation | None:
    """The request of a call that is answered at once."""
    match call.name, call.option:
        case "socket", _:
            return Operation.OPEN_TCP
        case "close", _:
            return Operation.CLOSE
        case _, "TCP_NODELAY":
            return Operation.NO_DELAY
        case _, "SO_LINGER":
            return Operation.LINGER_NOT
    return None


def settings_of(setup: Setup) -> Settings:
    """The same in our stack's terms."""
    settings = Settings(
        sack=setup.sack,
        timestamps=setup.timestamps,
        window_scale=setup.wscale,
        ecn=setup.ecn,
        rack=setup.rack,
        congestion=CONGESTIONS[setup.congestion],
        keepalive=setup.keepalive,
        keepalive_interval=setup.keepalive_interval,
        keepalive_probes=setup.keepalive_probes,
    )
    others = {
        "receive_buffer": setup.rcvbuf,
        "send_buffer": setup.sndbuf,
        "quick_acks": None if setup.quick_acks else 0,
        "syn_retries": setup.syn_retries,
        "user_timeout": setup.user_timeout,
        "time_wait": setup.fin_timeout,
    }
    return replace(settings, **{name: value for name, value in others.items() if value is not None})  # type: ignore[arg-type]
