"""Trio's sockets on a simulated host: unmodified trio programs talk through our own TCP.

Trio lets its sockets and its resolver be replaced for one run. `Sockets` does that. What it makes are requests (see
`netstack.requests`), handed to whatever carries them: a function in the same process, or a channel to another one.

    sockets = Sockets(hand_over, Names(…))   hand_over(request) is called for each request, and must not block
    sockets.install()                        inside trio.run: from now on trio.open_tcp_stream and so on come here
    with sockets.here(): ...                 or only for this task, and those that it starts: others have their hosts
    sockets.receive(answer)                  wakes the task that waits for it

What differs from a kernel's sockets: there are no descriptors (`fileno` is -1 once closed, and a number that nothing
else understands before), so no `wait_readable` of `trio.lowlevel`; IPv6 and Unix sockets are refused: EAFNOSUPPORT.
"""

import errno
import os
import socket as stdlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import outcome
import trio
from trio.abc import HostnameResolver, SocketFactory
from trio.socket import SocketType

from netstack.names import Names
from netstack.packets import PacketError, number, text
from netstack.requests import Answer, Operation, Request

Address = tuple[str, int]
LONGEST_CHUNK, LEAST_CHUNK = 1 << 16, 1 << 10  # bytes that are handed over at once


@dataclass(slots=True)
class Sockets(SocketFactory):
    """One program's sockets, and the names that it knows."""

    hand_over: Callable[[Request], object]
    resolver: Names = field(default_factory=Names)
    _calls: int = 0
    _numbers: int = 2
    _waiting: dict[int, tuple[trio.lowlevel.Task | None, Answer | None]] = field(default_factory=dict)

    def install(self) -> None:
        """Replace trio's sockets and resolver, for the present run."""
        trio.socket.set_custom_socket_factory(self)
        self.resolver.install()

    @contextmanager
    def here(self) -> Iterator[None]:
        """Put this task, and those that it starts meanwhile, on this host; others stay where they are."""
        trio.socket.set_custom_socket_factory(_ByTask())
        trio.socket.set_custom_hostname_resolver(_NamesByTask())
        before = _on_host.set(self)
        try:
            yield
        finally:
            _on_host.reset(before)

    # Requests and answers

    def tell(self, operation: Operation, socket: int, **fields: Any) -> None:
        """Make a request that has no answer, or whose answer nobody wants."""
        self._calls += 1
        self.hand_over(Request(self._calls, operation, socket, **fields))

    async def ask(self, operation: Operation, socket: int, **fields: Any) -> Answer:
        """Make a request, and wait for its answer; raises the `OSError` that it tells. Cancelling withdraws it."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._calls += 1
        call = self._calls
        self._waiting[call] = None, None
        self.hand_over(Request(call, operation, socket, **fields))
        _, answer = self._waiting[call]
        if answer is None:
            self._waiting[call] = trio.lowlevel.current_task(), None

            def withdraw(_: Any) -> trio.lowlevel.Abort:
                self.tell(Operation.CANCEL, socket, number=call)
                del self._waiting[call]
                return trio.lowlevel.Abort.SUCCEEDED

            answer = await trio.lowlevel.wait_task_rescheduled(withdraw)
        else:
            del self._waiting[call]
            await trio.lowlevel.cancel_shielded_checkpoint()
        assert isinstance(answer, Answer)
        if answer.error:
            raise OSError(answer.error, os.strerror(answer.error))
        return answer

    def receive(self, answer: Answer) -> None:
        """An answer has come; one that nobody waits for is ignored."""
        if answer.call not in self._waiting:
            return
        task, _ = self._waiting[answer.call]
        if task is None:
            self._waiting[answer.call] = None, answer
        else:
            del self._waiting[answer.call]
            trio.lowlevel.reschedule(task, outcome.Value(answer))

    def new_number(self) -> int:
        """A number for a socket."""
        self._numbers += 1
        return self._numbers

    # What trio asks for

    def socket(
        self,
        family: int | None = None,
        type: int | None = None,  # noqa: A002 - trio's name
        proto: int | None = None,
    ) -> "SimulatedSocket":
        """A new socket; raises `OSError` for anything but TCP and UDP over IPv4."""
        kind = stdlib.SOCK_STREAM if type is None else type
        if family not in (None, stdlib.AF_INET):
            raise OSError(errno.EAFNOSUPPORT, "simulated hosts speak IPv4 only")
        if kind not in (stdlib.SOCK_STREAM, stdlib.SOCK_DGRAM):
            raise OSError(errno.ESOCKTNOSUPPORT, "simulated hosts have TCP and UDP only")
        number_ = self.new_number()
        self.tell(Operation.OPEN_TCP if kind == stdlib.SOCK_STREAM else Operation.OPEN_UDP, number_)
        return SimulatedSocket(self, number_, stdlib.SocketKind(kind))


@dataclass(slots=True)
class _ByTask(SocketFactory):
    """Makes each task's sockets on the host that it is on, and the system's own for one that is on none."""

    def socket(
        self,
        family: int | None = None,
        type: int | None = None,  # noqa: A002 - trio's name
        proto: int | None = None,
    ) -> SocketType:
        if (sockets := _on_host.get()) is not None:
            return sockets.socket(family, type, proto)
        numbers = (-1 if number is None else number for number in (family, type, proto))
        return trio.socket.from_stdlib_socket(stdlib.socket(*numbers))


class _NamesByTask(HostnameResolver):
    """Asks the names of the host that a task is on; the system for one that is on none."""

    async def getaddrinfo(self, host: bytes | None, *arguments: Any) -> list[Any]:
        if (sockets := _on_host.get()) is not None:
            return await sockets.resolver.getaddrinfo(host, *arguments)
        return await trio.to_thread.run_sync(stdlib.getaddrinfo, host, *arguments, abandon_on_cancel=True)

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        if (sockets := _on_host.get()) is not None:
            return await sockets.resolver.getnameinfo(sockaddr, flags)
        return await trio.to_thread.run_sync(stdlib.getnameinfo, sockaddr, flags, abandon_on_cancel=True)


_on_host: ContextVar["Sockets | None"] = ContextVar("the host that a task is on", default=None)


class SimulatedSocket(SocketType):
    """A socket of trio's whose calls become requests. Made by `Sockets.socket` and by `accept`."""

    def __init__(self, sockets: Sockets, number_: int, kind: stdlib.SocketKind, peer: Address | None = None) -> None:
        self._sockets, self._number, self._kind = sockets, number_, kind
        self._name: Address = ("0.0.0.0", 0)
        self._peer = peer
        self._listens = self._sent_eof = self._closed = False
        self._most = LONGEST_CHUNK

    async def _ask(self, operation: Operation, **fields: Any) -> Answer:
        self._refuse_if_closed()
        return await self._sockets.ask(operation, self._number, **fields)

    def _tell(self, operation: Operation, **fields: Any) -> None:
        self._refuse_if_closed()
        self._sockets.tell(operation, self._number, **fields)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    async def _resolve(self, address: Any) -> tuple[int, int]:
        host, port = address[:2]
        try:
            return number(host or "0.0.0.0"), port
        except PacketError:
            found = await trio.socket.getaddrinfo(host, port, stdlib.AF_INET, self._kind)
            return number(str(found[0][4][0])), port

    # Beginning

    async def bind(self, address: Any) -> None:
        """Take an address and a port of our own; port 0 is any."""
        own, port = await self._resolve(address)
        answer = await self._ask(Operation.BIND, address=own, port=port)
        self._name = text(answer.address), answer.port

    def listen(self, backlog: int = 128) -> None:
        """Take connections from now on."""
        self._tell(Operation.LISTEN, number=max(0, backlog))
        self._listens = True

    async def accept(self) -> tuple[SocketType, Address]:
        """Wait for a connection."""
        new = self._sockets.new_number()
        answer = await self._ask(Operation.ACCEPT, number=new)
        peer = text(answer.address), answer.port
        accepted = SimulatedSocket(self._sockets, new, self._kind, peer)
        accepted._name = text(answer.number) if answer.number else self._name[0], self._name[1]
        return accepted, peer

    async def connect(self, address: Any) -> None:
        """Open a connection; for UDP, settle whom to talk with. A socket whose connecting is cancelled is closed."""
        try:
            to, port = await self._resolve(address)
            answer = await self._ask(Operation.CONNECT, address=to, port=port)
        except trio.Cancelled:
            self.close()
            raise
        self._name, self._peer = (text(answer.address), answer.port), (text(to), port)

    # Talking

    async def send(self, data: Any, flags: int = 0) -> int:
        """Send some of `data`; return how much."""
        chunk = bytes(memoryview(data)[: self._most])
        if not chunk:
            await trio.lowlevel.checkpoint()
            return 0
        taken = (await self._ask(Operation.SEND, data=chunk)).number
        if len(chunk) == self._most:  # what is not taken has travelled in vain: offer about as much as there is room
            self._most = max(LEAST_CHUNK, min(2 * taken, LONGEST_CHUNK))
        return taken

    async def recv(self, buflen: int, flags: int = 0) -> bytes:
        """Receive up to `buflen` bytes; none at the end."""
        if buflen < 0:
            raise ValueError("a negative size of a buffer")
        return (await self._ask(Operation.RECEIVE, number=buflen)).data

    async def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive into `buffer`; return how much."""
        view = memoryview(buffer).cast("B")
        data = await self.recv(min(nbytes or len(view), len(view)))
        view[: len(data)] = data
        return len(data)

    async def sendto(self, data: Any, *arguments: Any) -> int:
        """Send a datagram."""
        to, port = await self._resolve(arguments[-1])
        return (await self._ask(Operation.SEND_TO, address=to, port=port, data=bytes(data))).number

    async def recvfrom(self, bufsize: int, flags: int = 0) -> tuple[bytes, Address]:
        """Receive a datagram, and where it comes from."""
        answer = await self._ask(Operation.RECEIVE_FROM, number=max(0, bufsize))
        return answer.data, (text(answer.address), answer.port)

    async def wait_writable(self) -> None:
        """Wait until `send` would not block."""
        await self._ask(Operation.WAIT_WRITABLE)

    async def wait_readable(self) -> None:
        """Wait until `recv` or `accept` would not block."""
        await self._ask(Operation.WAIT_READABLE)

    # Ending

    def shutdown(self, how: int) -> None:
        """End sending, receiving, or both."""
        if self._peer is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        self._tell(Operation.SHUT_DOWN, number=int(how))
        self._sent_eof = self._sent_eof or how in (stdlib.SHUT_WR, stdlib.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back; what was sent still arrives."""
        if not self._closed:
            self._tell(Operation.CLOSE)
            self._closed = True

    def __enter__(self) -> "SimulatedSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What it says of itself

    @property
    def did_shutdown_SHUT_WR(self) -> bool:  # noqa: N802 - trio's name
        """Whether sending has been shut down here."""
        return self._sent_eof

    @property
    def family(self) -> stdlib.AddressFamily:
        """Always IPv4."""
        return stdlib.AF_INET

    @property
    def type(self) -> stdlib.SocketKind:
        """Stream or datagrams."""
        return self._kind

    @property
    def proto(self) -> int:
        """TCP or UDP."""
        return stdlib.IPPROTO_TCP if self._kind == stdlib.SOCK_STREAM else stdlib.IPPROTO_UDP

    def fileno(self) -> int:
        """-1 once closed; before, a number that nothing but this program's sockets understands."""
        return -1 if self._closed else self._number

    def getsockname(self) -> Address:
        """Our own address and port."""
        self._refuse_if_closed()
        return self._name

    def getpeername(self) -> Address:
        """The other side's; raises `OSError` when there is none."""
        if self._peer is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._peer

    def setsockopt(self, level: int, optname: int, value: Any = None, optlen: int | None = None) -> None:
        """`TCP_NODELAY` and an abrupt `SO_LINGER` count; other options of sockets are taken and ignored."""
        self._refuse_if_closed()
        if (level, optname) == (stdlib.IPPROTO_TCP, stdlib.TCP_NODELAY):
            self._tell(Operation.NO_DELAY, number=int(bool(value)))
        elif (level, optname) == (stdlib.SOL_SOCKET, stdlib.SO_LINGER) and bytes(value) == b"\1\0\0\0\0\0\0\0":
            self._tell(Operation.LINGER_NOT)

    def getsockopt(self, level: int, optname: int, buflen: int | None = None) -> Any:
        """Whether it listens, what kind it is; 0 for everything else."""
        if (level, optname) == (stdlib.SOL_SOCKET, getattr(stdlib, "SO_ACCEPTCONN", -1)):
            return int(self._listens)
        if (level, optname) == (stdlib.SOL_SOCKET, stdlib.SO_TYPE):
            return int(self._kind)
        return 0

    def __repr__(self) -> str:
        return f"<simulated socket {self._number} {self._name} {'closed' if self._closed else ''}>"
