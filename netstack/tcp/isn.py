"""Where a connection's numbers begin: RFC 6528.

A clock that ticks every 4 µs, so that the numbers of one pair of endpoints always move on, plus a keyed hash of the
endpoints, so that whoever sees one connection's numbers cannot guess another's.
"""

import hashlib

Endpoint = tuple[int, int]
"""An IPv4 address and a port."""

TICK = 4e-6


def initial_sequence_number(local: Endpoint, remote: Endpoint, *, secret: bytes, now: float) -> int:
    """ISN = M + F(endpoints, secret), in 32 bits; `now` in seconds."""
    endpoints = b"".join(address.to_bytes(4, "big") + port.to_bytes(2, "big") for address, port in (local, remote))
    digest = hashlib.blake2b(endpoints, key=secret, digest_size=4).digest()
    return (int(now / TICK) + int.from_bytes(digest, "big")) % 2**32
