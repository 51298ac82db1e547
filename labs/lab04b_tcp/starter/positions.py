"""From 32 bits to a position: numbers on the wire go round, positions only grow.

So far this takes the number for the position, which is right until the numbers go round. The handout, step 2, says what
to write.
"""


def position(number: int, near: int) -> int:
    """Return the position that `number`, of 32 bits, stands for: of all that look like it the nearest to `near`."""
    return number
