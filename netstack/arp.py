"""Who has this address? Finding the Ethernet address of a neighbour, and remembering it (RFC 826; RFC 1122, 2.3.2).

A packet for a neighbour whose address is not known waits while the question is asked, a few times at most. What an
answer says is believed for a while. A question that somebody else asks tells us who *they* are; that is taken in only
if it is us they ask, or if we know them already, as RFC 826 has it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from netstack.packets.arp import REPLY, REQUEST, Arp

BELIEVED = 60.0
ASK_AGAIN, TRIES = 1.0, 3
MOST_WAITING = 64
UNKNOWN = bytes(6)


@dataclass(slots=True)
class _Search:
    waiting: list[bytes]
    ask_at: float
    tries: int = 1


@dataclass(slots=True)
class ArpCache:
    """The neighbours on one link, where we are `ip` at `mac`. Packets are bytes; times seconds."""

    mac: bytes
    ip: int
    _known: dict[int, tuple[bytes, float]] = field(default_factory=dict)
    _searches: dict[int, _Search] = field(default_factory=dict)

    def look_up(self, ip: int, *, now: float) -> bytes | None:
        """The neighbour's Ethernet address, if it is known."""
        mac, until = self._known.get(ip, (None, 0.0))
        return mac if now < until else None

    def search(self, ip: int, packet: bytes, *, now: float) -> Arp | None:
        """Let `packet` wait until the address is known; return the question to ask, if it is not being asked yet."""
        search = self._searches.get(ip)
        if search is None:
            self._searches[ip] = _Search([packet], now + ASK_AGAIN)
            return self._question(ip)
        if len(search.waiting) < MOST_WAITING:
            search.waiting.append(packet)
        return None

    def _question(self, ip: int) -> Arp:
        return Arp(REQUEST, self.mac, self.ip, UNKNOWN, ip)

    def receive(self, message: Arp, *, now: float) -> tuple[Arp | None, list[bytes]]:
        """Take in what a neighbour says; return our answer, if it asks us, and the packets that need wait no longer."""
        is_for_us = message.target_ip == self.ip
        released: list[bytes] = []
        if message.sender_ip and (is_for_us or message.sender_ip in self._known or message.sender_ip in self._searches):
            self._known[message.sender_ip] = message.sender_mac, now + BELIEVED
            if search := self._searches.pop(message.sender_ip, None):
                released = search.waiting
        if not (is_for_us and message.operation == REQUEST):
            return None, released
        return Arp(REPLY, self.mac, self.ip, message.sender_mac, message.sender_ip), released

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return min((search.ask_at for search in self._searches.values()), default=None)

    def handle_timer(self, *, now: float) -> Iterator[Arp | list[bytes]]:
        """Yield questions to be asked again, and packets whose neighbour has not answered and is given up."""
        for ip, search in list(self._searches.items()):
            if now < search.ask_at:
                continue
            if search.tries >= TRIES:
                yield self._searches.pop(ip).waiting
            else:
                search.tries += 1
                search.ask_at = now + ASK_AGAIN
                yield self._question(ip)
