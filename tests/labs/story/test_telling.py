"""Events in a line each, whatever a payload holds."""

import random

import pytest

from labs.story.telling import Teller
from labs.story.trace import FrameEvent, PortEvent


def told(payload: bytes) -> str:
    line = Teller(repr).tell(PortEvent(2_500_000, "a", "app", "delivered", 1, payload))
    beginning = "    2.500 ms  a:delivered:1          the program hands over: "
    assert line.startswith(beginning)
    return line.removeprefix(beginning)


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ("雪豹: 李娜".encode(), "雪豹: 李娜"),
        (b"a card, filled up      ", "a card, filled up"),
        ("a letter cut in two: Ż".encode()[:-1], r"a letter cut in two: \xc5"),
        (b"two\nlines\n", r"two\nlines\n"),
        (b"x" * 1000, "x" * 160 + "... (1000 bytes)"),
        (bytes(range(128, 144)) + b"\xff", "17 bytes: 80 81 82 83 84 85 86 87 88 89 8a 8b 8c 8d 8e 8f ..."),
        (b"\x00", "1 byte: 00"),
        (b"", "(0 bytes)"),
        (b"     ", "(5 bytes)"),
    ],
)
def test_a_payload_is_abridged(payload: bytes, shown: str) -> None:
    assert told(payload) == shown


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_take_little_room(seed: int) -> None:
    assert len(told(random.Random(seed).randbytes(4000))) < 80


def test_a_line_has_no_blanks_at_its_end() -> None:
    teller = Teller(lambda frame: f"{frame.decode():<100}")
    frame = FrameEvent(0, "a-b", "data", 1, b"a card")
    assert teller.tell(frame).endswith("a card")
