"""Which position a number stands for: the candidates are tried."""

CIRCLE = 1 << 32


def position(number: int, near: int) -> int:
    """Of the positions in this round, the one before and the one after, the nearest."""
    round_ = near - near % CIRCLE + number
    return min((round_ - CIRCLE, round_, round_ + CIRCLE), key=lambda candidate: abs(candidate - near))
