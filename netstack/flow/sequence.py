"""Sequence numbers that wrap: 32 bits, compared by the shorter way round the circle.

RFC 1982 calls this serial number arithmetic, and TCP has always done it (RFC 9293, 3.4). It holds while the two numbers
lie less than half a circle apart, which a window far below 2³¹ guarantees.
"""

MODULUS = 1 << 32
HALF = 1 << 31


def add(number: int, count: int) -> int:
    """The number `count` places further round the circle; `count` may be negative."""
    return (number + count) % MODULUS


def distance(start: int, end: int) -> int:
    """How far `end` lies ahead of `start`: from -2³¹ (far behind) to 2³¹ - 1."""
    return (end - start + HALF) % MODULUS - HALF


def before(one: int, other: int) -> bool:
    """Whether `one` comes earlier than `other`."""
    return distance(one, other) > 0
