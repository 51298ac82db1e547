"""The Linux kernel as a ground: a namespace in an enclave, one link into it, and a packet socket at the other end.

    this process ── packet socket ── veth ══ veth "eth0" ── the kernel's TCP ── sockets ── this process

Time is real. What the host sends is stamped by the kernel as it arrives, so a busy machine delays little. Still no
timer is exact: Linux's wheel rounds a timeout up by as much as an eighth of it, and this process may have to wait for a
processor. So whatever is expected may miss its time by `SLACK` and an eighth of the time since what came before.

All sockets are nonblocking here, and a call that is to block is tried again when its socket may be ready: one thread
watches the wire and the call.
"""

import errno
import itertools
import os
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from labs.pkt.assertion import Value
from labs.pkt.ground import (
    LOCAL,
    LOCAL_MAC,
    PORT,
    PREFIX,
    REMOTE,
    REMOTE_MAC,
    Reply,
    Sent,
    answer_to,
    in_frame,
    question,
)
from labs.pkt.script import Call
from labs.pkt.settings import Setup
from labs.testbed.namespace import Namespace, open_packet_socket, switch_off_offloads
from labs.testbed.netlink import Netlink
from netstack.packets import Ethernet, PacketError, ethernet, text

SLACK = 0.05
PATIENCE_AT_FIRST, BETWEEN_QUESTIONS = 5.0, 0.02  # seconds until a new link must carry its first frames
SO_TIMESTAMPNS = 35
TCP_WINDOW_CLAMP, TCP_USER_TIMEOUT = 10, 18
LARGEST_WINDOW = 256 * 1024 - 1  # as our stack's, so that both announce the same scale
STATES = (
    "",
    "ESTABLISHED",
    "SYN-SENT",
    "SYN-RECEIVED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "TIME-WAIT",
    "CLOSED",
    "CLOSE-WAIT",
    "LAST-ACK",
    "LISTEN",
    "CLOSING",
    "SYN-RECEIVED",
)
_LATER = {errno.EAGAIN, errno.EINPROGRESS, errno.EALREADY}
_POLLED = {"POLLIN": select.POLLIN, "POLLOUT": select.POLLOUT}
_INFO = struct.Struct("8B19I")  # the beginning of struct tcp_info, up to tcpi_snd_cwnd

_links = itertools.count()


class LinuxGround:
    """See `ground.Ground`. To be made in an enclave; `close` it."""

    name = "linux"
    patience = 10.0

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._space = Namespace(ipv6=False)
        self._had_connection = False
        self._wire = self._make_link(f"wire{os.getpid()}.{next(_links)}")
        self._sockets: dict[int, socket.socket] = {}
        self._call: Call | None = None  # the one that blocks
        self._data, self._done = b"", 0
        self._deadline: float | None = None
        self._introduce()
        self._beginning = time.time()
        self.sent: deque[Sent] = deque()
        self.reply: Reply | None = None

    def _make_link(self, name: str) -> socket.socket:
        with Netlink() as here:
            here.add_veth(
                name,
                "eth0",
                peer_namespace=self._space.descriptor,
                address=REMOTE_MAC.hex(":"),
                peer_address=LOCAL_MAC.hex(":"),
                mtu=self._setup.mtu,
            )
        self._space.links.add_address("eth0", f"{text(LOCAL)}/{PREFIX}")
        with self._space.entered():
            self._table = os.open("/proc/thread-self/net/tcp", os.O_RDONLY)  # of this namespace, wherever it is read
            switch_off_offloads("eth0")
            for path, value in sysctls(self._setup).items():
                with suppress(FileNotFoundError):  # an older kernel, which does without
                    Path(f"/proc/sys/net/ipv4/{path}").write_text(str(value))
        self._space.links.change("eth0", up=True)
        switch_off_offloads(name)
        wire = open_packet_socket(name)
        wire.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        return wire

    def _introduce(self) -> None:
        """Let each know the other's address before the script begins, so that no packet waits for an answer."""
        answered = select.poll()
        answered.register(self._wire, select.POLLIN)
        for _ in range(int(PATIENCE_AT_FIRST / BETWEEN_QUESTIONS)):
            self._wire.send(question())
            if answered.poll(BETWEEN_QUESTIONS * 1000):
                return
        raise OSError(errno.EHOSTUNREACH, "the host on the new link does not answer")

    def close(self) -> None:
        """Let go of everything; the kernel removes the link with the namespace."""
        for each in (*self._sockets.values(), self._wire):
            each.close()
        os.close(self._table)
        self._space.close()

    @property
    def now(self) -> float:
        """What time it is."""
        return time.time() - self._beginning

    def tolerance(self, span: float) -> float:
        """See the top."""
        return SLACK + max(0.0, span) / 8

    def send(self, packet: bytes) -> None:
        """Hand the host a packet."""
        self._wire.send(in_frame(packet, mtu=self._setup.mtu))

    def let_pass(self, until: float, *, for_news: bool = False) -> None:
        """Wait."""
        while True:
            self._listen()
            if self._call is not None:
                self._try(self._call)
            left = until - self.now
            if left <= 0 or (for_news and (self.sent or self.reply)):
                return
            waiting = select.poll()
            waiting.register(self._wire, select.POLLIN)
            for descriptor, events in self._awaited():
                waiting.register(descriptor, events)
            deadline = left if self._deadline is None else min(left, self._deadline - self.now)
            waiting.poll(max(0.0, deadline) * 1000)

    def _listen(self) -> None:
        while True:
            try:
                frame, extra, _, _ = self._wire.recvmsg(1 << 16, 64)
            except BlockingIOError:
                return
            at = next((_seconds(data) for _, kind, data in extra if kind == SO_TIMESTAMPNS), time.time())
            try:
                answer, ether = answer_to(frame), Ethernet.parse(frame)
            except PacketError:
                continue
            if answer is not None:
                self._wire.send(answer)
            elif ether.type == ethernet.IPV4:
                self.sent.append(Sent(at - self._beginning, ether.payload))

    # How it stands

    def told(self, socket_: int | None) -> Mapping[str, Value]:
        """What the kernel tells of the connection."""
        told: dict[str, Value] = {"state": self._state()}
        opened = self._sockets.get(socket_) if socket_ is not None else None
        if opened is not None:
            info = _INFO.unpack(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))[8:]
            told |= {"rto": info[0] / 1e6, "in_flight": info[4], "srtt": info[15] / 1e6}
            told |= {"ssthresh": info[17], "cwnd": info[18]}
        return told

    def _state(self) -> str:
        """From the kernel's table of sockets, which knows those that have no program any more."""
        os.lseek(self._table, 0, os.SEEK_SET)
        lines = os.read(self._table, 1 << 16).decode().splitlines()[1:]
        theirs = f"{int.from_bytes(REMOTE.to_bytes(4, 'big'), 'little'):08X}"
        found = [line.split()[2:4] for line in lines]
        states = [STATES[int(state, 16)] for remote, state in found if remote.startswith(theirs)]
        self._had_connection |= bool(states)
        if states:
            return states[0]
        return "LISTEN" if found and not self._had_connection else "CLOSED"

    # Calls

    def ask(self, call: Call, data: bytes, *, blocks: bool) -> None:
        """Make a system call."""
        self.reply, self._call, self._data, self._done = None, call, data, 0
        self._deadline = self.now + call.number / 1000 if call.name == "poll" and call.number >= 0 else None
        self._try(call, is_first=True)
        if self.reply is None and not blocks:
            self._answer(*self._refusal(call))

    def _refusal(self, call: Call) -> tuple[int, str]:
        if call.name == "poll" or self._done:
            return self._done, ""
        return -1, "EINPROGRESS" if call.name == "connect" else "EAGAIN"

    def _answer(self, value: int, error: str = "", data: bytes = b"", found: tuple[frozenset[str], ...] = ()) -> None:
        self.reply, self._call, self._deadline = Reply(self.now, value, error, data, found), None, None

    def _awaited(self) -> list[tuple[int, int]]:
        """Descriptors to watch for the call that blocks."""
        if (call := self._call) is None:
            return []
        if call.name == "poll":
            return [(self._sockets[each.socket].fileno(), _bits(each.events)) for each in call.polled]
        events = select.POLLOUT if call.name in ("connect", "write", "send") else select.POLLIN
        return [(self._sockets[call.socket].fileno(), events)]

    def _try(self, call: Call, *, is_first: bool = False) -> None:
        """Answer the call if it can be answered now."""
        try:
            if call.name == "socket":
                self._sockets[call.socket] = self._open()
                self._answer(call.socket)
            elif not {call.socket, *(each.socket for each in call.polled)} - {-1} <= set(self._sockets):
                self._answer(-1, "EBADF")
            elif call.name == "poll":
                self._poll(call)
            elif call.name == "connect" and not is_first:
                self._see_whether_connected(call)
            else:
                self._make(call, self._sockets[call.socket])
        except OSError as error:
            if error.errno not in _LATER:
                self._answer(-1, errno.errorcode[error.errno or 0])

    def _make(self, call: Call, opened: socket.socket) -> None:
        match call.name:
            case "bind":
                opened.bind(("", PORT))
            case "listen":
                opened.listen(call.number)
            case "connect":
                opened.connect((text(REMOTE), PORT))
            case "accept":
                self._sockets[call.returns or 0] = self._furnish(opened.accept()[0])
                return self._answer(call.returns or 0)
            case "read" | "recv":
                data = opened.recv(call.number)
                return self._answer(len(data), data=data)
            case "write" | "send":
                return self._write(opened)
            case "shutdown":
                opened.shutdown(call.number)
            case "close":
                self._sockets.pop(call.socket).close()
            case "setsockopt":
                _set(opened, call)
            case "getsockopt":
                return self._answer(opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        return self._answer(0)

    def _write(self, opened: socket.socket) -> None:
        while self._done < len(self._data):
            self._done += opened.send(self._data[self._done :])
        self._answer(self._done)

    def _see_whether_connected(self, call: Call) -> None:
        opened = self._sockets[call.socket]
        watch = select.poll()
        watch.register(opened, select.POLLOUT)
        if watch.poll(0):
            number = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._answer(-1 if number else 0, errno.errorcode[number] if number else "")

    def _poll(self, call: Call) -> None:
        watch = select.poll()
        for descriptor, events in self._awaited():
            watch.register(descriptor, events)
        ready = dict(watch.poll(0))
        if not ready and (self._deadline is None or self.now < self._deadline):
            return
        bits = [ready.get(self._sockets[each.socket].fileno(), 0) for each in call.polled]
        found = tuple(frozenset(name for name, bit in _POLLED.items() if bit & each) for each in bits)
        self._answer(len(ready), found=found)

    def _open(self) -> socket.socket:
        with self._space.entered():
            return self._furnish(socket.socket(socket.AF_INET, socket.SOCK_STREAM))

    def _furnish(self, opened: socket.socket) -> socket.socket:
        """What a socket of the kernel must be told, where a namespace cannot be."""
        setup = self._setup
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, setup.congestion.encode())
        opened.setsockopt(socket.IPPROTO_TCP, TCP_WINDOW_CLAMP, LARGEST_WINDOW)
        if setup.rcvbuf is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, setup.rcvbuf)
        if setup.sndbuf is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, setup.sndbuf)
        if not setup.quick_acks:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        if setup.keepalive is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if setup.user_timeout is not None:
            opened.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, int(setup.user_timeout * 1000))
        return opened


def _seconds(stamp: bytes) -> float:
    seconds, nanoseconds = struct.unpack("qq", stamp)
    return float(seconds) + nanoseconds / 1e9


def _bits(events: frozenset[str]) -> int:
    return sum(_POLLED[event] for event in events)


def _set(opened: socket.socket, call: Call) -> None:
    if call.option == "SO_LINGER":
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif call.option == "TCP_NODELAY":
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, call.number)
    else:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, call.number)


def sysctls(setup: Setup) -> dict[str, int | str]:
    """The same in Linux's terms, as far as they hold for a whole namespace; below /proc/sys/net/ipv4."""
    wanted: dict[str, int | str | None] = {
        "tcp_sack": int(setup.sack),
        "tcp_timestamps": int(setup.timestamps),
        "tcp_window_scaling": int(setup.wscale),
        "tcp_ecn": int(setup.ecn),
        "tcp_recovery": int(setup.rack),
        "tcp_early_retrans": 3 if setup.rack else 0,  # tail loss probes
        "tcp_comp_sack_nr": 0,  # acknowledge every segment that is out of order, as RFC 5681 (4.2) has it
        "tcp_no_metrics_save": 1,
        "tcp_syn_linear_timeouts": 0,  # back off from the first SYN on (RFC 6298, 5.5)
        "tcp_syn_retries": setup.syn_retries,
        "tcp_fin_timeout": setup.fin_timeout,
        "tcp_keepalive_time": setup.keepalive,
        "tcp_keepalive_intvl": setup.keepalive_interval,
        "tcp_keepalive_probes": setup.keepalive_probes,
    }
    return {name: value for name, value in wanted.items() if value is not None}
