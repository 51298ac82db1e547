"""Deadlines across hops: how much time is left, said in a way that needs no common clock.

On one machine a deadline is a cancel scope of trio's, and nested scopes take the earliest by themselves. On the wire it
travels as *what is left*, in gRPC's `grpc-timeout`: up to eight digits and a unit. An absolute time would need clocks
that agree (Finagle sends one, and warns of that). What the way itself takes is not subtracted; it is small, and the
caller's own scope still holds.
"""

import math

_UNITS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "S": 1.0, "M": 60.0, "H": 3600.0}
_MOST = 99_999_999


class DeadlineError(ValueError):
    """A header that tells no time."""


def format_timeout(seconds: float) -> str:
    """`grpc-timeout` for what is left: in the smallest unit in which eight digits suffice, rounded up, never negative.

    `math.inf` has no header; raises `ValueError`.
    """
    if math.isinf(seconds):
        raise ValueError("no deadline: leave the header out")
    left = max(0.0, seconds)
    for unit, size in _UNITS.items():
        count = math.ceil(left / size - 1e-9)
        if count <= _MOST:
            return f"{count}{unit}"
    return f"{_MOST}H"


def parse_timeout(text: str) -> float:
    """Seconds; the inverse of `format_timeout`. Raises `DeadlineError`."""
    digits, unit = text[:-1], text[-1:]
    if not (1 <= len(digits) <= 8 and digits.isascii() and digits.isdigit() and unit in _UNITS):
        raise DeadlineError(f"a timeout is up to eight digits and one of {', '.join(_UNITS)}, not {text!r}")
    return int(digits) * _UNITS[unit]
