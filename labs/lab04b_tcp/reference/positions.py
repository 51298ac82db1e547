"""From 32 bits to a position: numbers on the wire go round, positions only grow.

A number on the wire stands for infinitely many positions, 2³² apart. We take the one that lies nearest to where we are,
which is right as long as nothing on its way is older, or newer, than half a circle.
"""

MODULUS = 1 << 32
HALF = 1 << 31


def position(number: int, near: int) -> int:
    """The position that `number`, of 32 bits, stands for: the one nearest to `near`, which is never 2³¹ away above."""
    return near + (number - near + HALF) % MODULUS - HALF
