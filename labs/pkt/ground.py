"""A ground: a host under test, with the wire to it in our hands, and its clock.

The runner does four things on it: it sends a packet, makes a system call, lets time pass, and asks how a connection
stands. What the host sends collects in `sent`, what a call returns in `reply`.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from labs.pkt.assertion import Value
from labs.pkt.script import Call
from netstack.packets import Arp, Ethernet, arp, ethernet, number

LOCAL, REMOTE = number("10.0.0.1"), number("10.0.0.2")
"""The host under test, and the one that the runner plays."""
LOCAL_MAC, REMOTE_MAC = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"
PREFIX = 24
PORT = 8080
"""Where whoever listens listens: the host under test, or the runner."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet of IPv4 that the host under test has sent, and when."""

    at: float
    packet: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call returned, and when: -1 with an errno's name, or what it says; and which events a poll found."""

    at: float
    value: int
    error: str = ""
    data: bytes = b""
    found: tuple[frozenset[str], ...] = ()


class GroundFault(Exception):
    """The host under test cannot go on; says why."""


class Ground(Protocol):
    """Times are seconds since the script began."""

    name: str
    patience: float
    """How long `*` may mean."""
    sent: deque[Sent]
    reply: Reply | None

    @property
    def now(self) -> float:
        """What time it is."""
        ...

    def tolerance(self, span: float) -> float:
        """By how much something may miss its time, `span` after what came before."""
        ...

    def send(self, packet: bytes) -> None:
        """Hand the host under test a packet of IPv4."""
        ...

    def ask(self, call: Call, data: bytes, *, blocks: bool) -> None:
        """Make a system call; `reply` is its answer, at once unless it `blocks`."""
        ...

    def let_pass(self, until: float, *, for_news: bool = False) -> None:
        """Let time pass until `until`; `for_news`: or until something is sent, or answered."""
        ...

    def told(self, socket: int | None) -> Mapping[str, Value]:
        """How the connection stands (`assertion.TOLD`); `socket` is the script's name of its socket, if it has one."""
        ...


def answer_to(frame: bytes) -> bytes | None:
    """What the remote host answers to a frame by itself: only "who has your address?"."""
    ether = Ethernet.parse(frame)
    if ether.type != ethernet.ARP:
        return None
    question = Arp.parse(ether.payload)
    if question.operation != arp.REQUEST or question.target_ip != REMOTE:
        return None
    answer = Arp(arp.REPLY, REMOTE_MAC, REMOTE, question.sender_mac, question.sender_ip)
    return Ethernet(question.sender_mac, REMOTE_MAC, ethernet.ARP, answer.build()).build()


def question() -> bytes:
    """The remote host asks for the other's address, from which that one learns its own."""
    asked = Arp(arp.REQUEST, REMOTE_MAC, REMOTE, bytes(6), LOCAL)
    return Ethernet(b"\xff" * 6, REMOTE_MAC, ethernet.ARP, asked.build()).build()


def in_frame(packet: bytes, *, mtu: int) -> bytes:
    """A packet of the remote host's, as it travels; raises `GroundFault` for one that the link does not take."""
    if len(packet) > mtu:
        raise GroundFault(f"a packet of {len(packet)} bytes is sent, and the link takes {mtu}")
    return Ethernet(LOCAL_MAC, REMOTE_MAC, ethernet.IPV4, packet).build()
