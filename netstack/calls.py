"""System calls: how a program uses the sockets of a `Host`, wherever the program is.

A program hands over a `Request` and, unless it is one that needs none, gets an `Answer` with the same number: at once,
or when what it waits for has happened. Requests and answers are plain records (`netstack.requests`), which can be
passed by a function call, or travel on a channel to another process. The program numbers its sockets itself.

    program = Program(host)
    program.request(request, now=now)         take a request in
    program.look_at(touched, now=now)         something has happened to these (see `Host.touched`)
    program.has_news                          whether it is worth while to ask for
    program.answers(now=now)                  what can be answered by now
    program.end(now=now)                      it exists no more: close its sockets, as a kernel does

What always holds: nothing is taken from a connection, a listener or a mailbox before the program is there to be told. A
request to receive or accept is looked into when `answers` is called and not before, so one that has been withdrawn by
then has taken nothing, and no byte gets lost between a host and a task that is cancelled.

`netstack.sockets` is the other end: trio's sockets, made of requests. Errors are numbers of `errno`. What the
operations mean, and when they block, is POSIX's affair; where it leaves a choice, we follow Linux.
"""

import errno
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from netstack.host import Host, Touched, Unreachable
from netstack.packets import PacketError
from netstack.ports import ANY, InUse, Listener, Mailbox, NoPorts
from netstack.requests import Answer, Operation, Request
from netstack.tcp import Connection, Endpoint, Failure

MOST_AT_ONCE = 1 << 16  # bytes that one answer carries
MOST_SOCKETS = 10_000
MOST_WAITING = 100  # requests at one socket


class _Refused(Exception):
    """A request cannot be met; carries the `errno`."""

    def __init__(self, error: int) -> None:
        super().__init__(errno.errorcode[error])
        self.error = error


@dataclass(slots=True)
class _Socket:
    """A socket of the program. What it stands for comes into being by `BIND`, `LISTEN` or `CONNECT`."""

    is_udp: bool = False
    local: Endpoint = (ANY, 0)
    thing: Connection | Listener | Mailbox | None = None
    lingers: bool = True
    no_delay: bool = False
    deaf: bool = False  # receiving has been shut down
    bound: bool = False  # a TCP port is ours, by `BIND`
    calls: set[int] = field(default_factory=set)  # those that wait here

    def connection(self) -> Connection:
        if not isinstance(self.thing, Connection):
            raise _Refused(errno.ENOTCONN)
        return self.thing

    def listener(self) -> Listener:
        if not isinstance(self.thing, Listener):
            raise _Refused(errno.EINVAL)
        return self.thing


_FAILURES = {
    Failure.REFUSED: errno.ECONNREFUSED,
    Failure.RESET: errno.ECONNRESET,
    Failure.TIMED_OUT: errno.ETIMEDOUT,
    Failure.UNREACHABLE: errno.EHOSTUNREACH,
    Failure.ABORTED: errno.ECONNABORTED,
}


@dataclass(slots=True)
class Program:
    """One program's sockets on `host`, and its requests that wait. Hostile requests get an error, nothing else."""

    host: Host
    _sockets: dict[int, _Socket] = field(default_factory=dict)
    _waiting: dict[int, Request] = field(default_factory=dict)
    _by_thing: dict[Touched, list[int]] = field(default_factory=dict)
    _takers: list[int] = field(default_factory=list)  # requests that wait to be looked into by `answers`
    _answers: list[Answer] = field(default_factory=list)

    def request(self, request: Request, *, now: float) -> None:
        """Take in a request; its answer comes from `answers`, now or later."""
        socket = self._sockets.get(request.socket)
        if socket is not None and len(socket.calls) >= MOST_WAITING and request.operation not in _UNANSWERED:
            self._answers.append(Answer(request.call, errno.ENOBUFS))
        elif socket is not None and request.operation in _TAKING:
            self._wait(request, socket)
            self._takers.append(request.call)
        else:
            self._answer_or_wait(request, now=now)

    def _answer_or_wait(self, request: Request, *, now: float) -> None:
        answer = self._try(request, now=now)
        if answer is None:
            socket = self._sockets[request.socket]
            assert socket.thing is not None  # whatever blocks waits for something
            self._wait(request, socket)
            self._by_thing.setdefault(socket.thing, []).append(request.call)
        elif request.operation not in _UNANSWERED:
            self._answers.append(answer)

    def _wait(self, request: Request, socket: _Socket) -> None:
        self._no_longer_waits(request.call)  # a hostile program may number two calls alike
        self._waiting[request.call] = request
        socket.calls.add(request.call)

    def _no_longer_waits(self, call: int) -> Request | None:
        request = self._waiting.pop(call, None)
        if request is not None:
            self._sockets[request.socket].calls.discard(call)
        return request

    def look_at(self, touched: Iterable[Touched], *, now: float) -> None:
        """Try again whatever waits for one of these."""
        for thing in touched:
            for call in self._by_thing.pop(thing, ()):
                if (request := self._no_longer_waits(call)) is not None:
                    self.request(request, now=now)

    @property
    def has_news(self) -> bool:
        """Whether `answers` may have some. (A request to receive may find that there is nothing yet.)"""
        return bool(self._answers or self._takers)

    def answers(self, *, now: float) -> list[Answer]:
        """All answers that can be given by now, in order. They must reach the program before it says anything else."""
        takers, self._takers = self._takers, []
        for call in takers:
            if (request := self._no_longer_waits(call)) is not None:
                self._answer_or_wait(request, now=now)
        answers, self._answers = self._answers, []
        return answers

    def end(self, *, now: float) -> None:
        """The program is no more."""
        for number in list(self._sockets):
            self._close(self._sockets[number], Request(0, Operation.CLOSE, number), now=now)

    def _try(self, request: Request, *, now: float) -> Answer | None:
        try:
            if request.operation in (Operation.OPEN_TCP, Operation.OPEN_UDP):
                return self._open(request)
            if request.operation is Operation.CANCEL:
                self._no_longer_waits(request.number)
                return Answer(request.call)
            socket = self._sockets.get(request.socket)
            if socket is None:
                raise _Refused(errno.EBADF)
            return _OPERATIONS[request.operation](self, socket, request, now=now)
        except _Refused as refused:
            return Answer(request.call, refused.error)
        except InUse:
            return Answer(request.call, errno.EADDRINUSE)
        except NoPorts:
            return Answer(request.call, errno.EADDRNOTAVAIL)
        except Unreachable:
            return Answer(request.call, errno.ENETUNREACH)
        except PacketError:
            return Answer(request.call, errno.EMSGSIZE)

    def _open(self, request: Request) -> Answer:
        if request.socket in self._sockets or len(self._sockets) >= MOST_SOCKETS:
            raise _Refused(errno.EMFILE)
        self._sockets[request.socket] = _Socket(is_udp=request.operation is Operation.OPEN_UDP)
        return Answer(request.call)

    # Beginning

    def _bind(self, socket: _Socket, request: Request, *, now: float) -> Answer:
        if request.address and not self.host.internet.is_own(request.address):
            raise _Refused(errno.EADDRNOTAVAIL)
        if socket.thing is not None or socket.local != (ANY, 0):
            raise _Refused(errno.EINVAL)
        port = request.port or self.host.ports.draw_port(udp=socket.is_udp)
        if socket.is_udp:
            socket.thing = self.host.ports.open_mailbox((request.address, port))
        else:
            self.host.ports.bind((request.address, port))
            socket.bound = True
        socket.local = request.address, port
        return Answer(request.call, 0, *socket.local)

    def _listen(self, socket: _Socket, request: Request, *, now: float) -> Answer:
        if socket.is_udp:
            raise _Refused(errno.EOPNOTSUPP)
        if socket.thing is None:
            local = socket.local[0], socket.local[1] or self.host.ports.draw_port()
            socket.thing = self.host.ports.listen(local, request.number)
            socket.local = local
        else:
            socket.listener().backlog = max(1, request.number)
        return Answer(request.call, 0, *socket.local)

    def _connect(self, socket: _Socket, request: Request, *, now: float) -> Answer | None:
        remote = request.address or 0x7F000001, request.port
        if socket.is_udp:
            mailbox = self._mailbox(socket)
            mailbox.remote = remote
            return Answer(
                request.call, 0, mailbox.local[0] or self.host.internet.source_for(remote[0]), mailbox.local[1]
            )
        if socket.thing is None:
            socket.thing = self.host.connect(remote, now=now, local=socket.local)
            socket.thing.sender.nagle = not socket.no_delay
        connection = socket.connection()
        if connection.failure is not None:
            raise _Refused(_FAILURES[connection.failure])
        return Answer(request.call, 0, *connection.local) if connection.is_established else None

    def _accept(self, socket: _Socket, request: Request, *, now: float) -> Answer | None:
        listener = socket.listener()
        if request.number in self._sockets or len(self._sockets) >= MOST_SOCKETS:
            raise _Refused(errno.EMFILE)
        if not listener.ready:
            return None
        connection = listener.ready.popleft()
        self._sockets[request.number] = _Socket(local=connection.local, thing=connection)
        return Answer(request.call, 0, *connection.remote, number=connection.local[0])

    def _mailbox(self, socket: _Socket) -> Mailbox:
        if not socket.is_udp:
            raise _Refused(errno.EOPNOTSUPP)
        if socket.thing is None:
            socket.thing = self.host.ports.open_mailbox((ANY, self.host.ports.draw_port(udp=True)))
        assert isinstance(socket.thing, Mailbox)
        return socket.thing

    # Sending and receiving

    def _send(self, socket: _Socket, request: Request, *, now: float) -> Answer | None:
        if socket.is_udp:
            remote = self._mailbox(socket).remote
            if remote is None:
                raise _Refused(errno.EDESTADDRREQ)
            return self._send_datagram(socket, request, remote, now=now)
        connection = socket.connection()
        self._refuse_if_dead(connection)
        if connection.ended_sending:
            raise _Refused(errno.EPIPE)
        if connection.writable < min(len(request.data), _worth_while(connection)):
            return None
        count = connection.write(request.data)
        self.host.push(connection, now=now)
        return Answer(request.call, number=count)

    def _send_to(self, socket: _Socket, request: Request, *, now: float) -> Answer | None:
        return self._send_datagram(socket, request, (request.address, request.port), now=now)

    def _send_datagram(self, socket: _Socket, request: Request, remote: Endpoint, *, now: float) -> Answer:
        self.host.send_datagram(self._mailbox(socket), request.data, remote, now=now)
        return Answer(request.call, number=len(request.data))

    def _receive(self, socket: _Socket, request: Request, *, now: float) -> Answer | None:
        if socket.is_udp:
            return self._receive_from(socket, request, now=now)
        connection = socket.connection()
        if connection.readable and not socket.deaf:
            data = connection.read(max(0, min(request.number, MOST_AT_ONCE)), now=now)
            self.host.push(connection, now=now)
            return Answer(request.call, data=data)
        if connection.failure is not None:
            raise _Refused(_FAILURES[connection.failure])
        return Answer(request.call) if connection.at_end or socket.deaf else None

    def _receive_from(self, socket: _Socket, request: Request, *, now: float) -> Answer | None:
        mailbox = self._mailbox(socket)
        if mailbox.waiting:
            data, source = mailbox.waiting.popleft()
            return Answer(request.call, 0, *source, data=data[: max(0, request.number)])
        if mailbox.refused:
            mailbox.refused = False
            raise _Refused(errno.ECONNREFUSED)
        return None

    def _refuse_if_dead(self, connection: Connection) -> None:
        if connection.failure is not None:
            raise _Refused(errno.EPIPE if connection.failure is Failure.ABORTED else _FAILURES[connection.failure])

    def _wait_readable(self, socket: _Socket, request: Request, *, now: float) -> Answer | None:
        thing = socket.thing
        if isinstance(thing, Connection):
            ready = bool(thing.readable or thing.failure or thing.at_end)
        elif isinstance(thing, Listener):
            ready = bool(thing.ready)
        else:
            ready = bool(self._mailbox(socket).waiting)
        return Answer(request.call) if ready else None

    def _wait_writable(self, socket: _Socket, request: Request, *, now: float) -> Answer | None:
        if socket.is_udp:
            return Answer(request.call)
        connection = socket.connection()
        has_room = connection.writable >= _worth_while(connection)
        ready = has_room or connection.failure is not None or connection.ended_sending
        return Answer(request.call) if ready else None

    # Ending

    def _shut_down(self, socket: _Socket, request: Request, *, now: float) -> Answer:
        connection = socket.connection()
        if connection.failure is not None or not connection.is_established:
            raise _Refused(errno.ENOTCONN)
        if request.number in (0, 2):
            socket.deaf = True
            self.look_at([connection], now=now)
        if request.number in (1, 2):
            connection.shut_down(now=now)
            self.host.push(connection, now=now)
        return Answer(request.call)

    def _close(self, socket: _Socket, request: Request, *, now: float) -> Answer:
        del self._sockets[request.socket]
        for call in sorted(socket.calls):
            del self._waiting[call]
            self._answers.append(Answer(call, errno.EBADF))
        if socket.bound:
            self.host.ports.bound.discard(socket.local)
        thing = socket.thing
        if isinstance(thing, Listener):
            self.host.close_listener(thing, now=now)
        elif isinstance(thing, Mailbox):
            self.host.close_mailbox(thing)
        elif isinstance(thing, Connection):
            thing.close(now=now, lingers=socket.lingers)
            self.host.push(thing, now=now)
        return Answer(request.call)

    # The rest

    def _name(self, socket: _Socket, request: Request, *, now: float) -> Answer:
        return Answer(request.call, 0, *(socket.thing.local if socket.thing is not None else socket.local))

    def _linger_not(self, socket: _Socket, request: Request, *, now: float) -> Answer:
        socket.lingers = False
        return Answer(request.call)

    def _no_delay(self, socket: _Socket, request: Request, *, now: float) -> Answer:
        socket.no_delay = bool(request.number)
        if isinstance(socket.thing, Connection):
            socket.thing.sender.nagle = not request.number
        return Answer(request.call)


def _worth_while(connection: Connection) -> int:
    """So much room is worth waking a writer for: a third of the buffer, as on Linux (`sk_stream_is_writeable`).

    Else each segment that is acknowledged would cost two turns, and the rest of a long chunk be handed over anew.
    """
    return max(1, connection.settings.send_buffer // 3)


_Method = Callable[..., Answer | None]
_OPERATIONS: dict[Operation, _Method] = {
    Operation.BIND: Program._bind,
    Operation.LISTEN: Program._listen,
    Operation.CONNECT: Program._connect,
    Operation.ACCEPT: Program._accept,
    Operation.SEND: Program._send,
    Operation.SEND_TO: Program._send_to,
    Operation.RECEIVE: Program._receive,
    Operation.RECEIVE_FROM: Program._receive_from,
    Operation.SHUT_DOWN: Program._shut_down,
    Operation.CLOSE: Program._close,
    Operation.NAME: Program._name,
    Operation.WAIT_READABLE: Program._wait_readable,
    Operation.WAIT_WRITABLE: Program._wait_writable,
    Operation.LINGER_NOT: Program._linger_not,
    Operation.NO_DELAY: Program._no_delay,
}
_TAKING = {Operation.RECEIVE, Operation.RECEIVE_FROM, Operation.ACCEPT}
_UNANSWERED = {
    Operation.OPEN_TCP,
    Operation.OPEN_UDP,
    Operation.CLOSE,
    Operation.CANCEL,
    Operation.LINGER_NOT,
    Operation.NO_DELAY,
}
