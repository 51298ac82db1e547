"""Segments in somebody else's name.

So far these repeat what they have heard, word for word. The handout, step 6, says what to write.
"""

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether


def window_update(frame: bytes, window: int) -> bytes:
    """What the sender of `frame` would say next to offer a window of `window`, which is what the field holds."""
    return bytes(Ether(frame))


def reset(frame: bytes, ahead: int = 0) -> bytes:
    """What the sender of `frame` would say next to end it all, its number too high by `ahead`."""
    heard = Ether(frame)
    print(heard[IP].src, heard[TCP].seq)
    return bytes(heard)
