"""Output without end, without line ends, without anything: taken in without waiting, and kept small."""

import os
from collections.abc import Iterator

import pytest

from labs.testbed.output import FIRST, LINES, LONGEST_LINE, Tail, drain


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def test_a_silent_stream_is_not_waited_for_and_an_ended_one_is_told_apart(pipe: list[int]) -> None:
    reading, writing = pipe
    assert drain(reading) == b""
    os.write(writing, b"a line\n")
    assert drain(reading) == b"a line\n"
    assert drain(reading) == b""
    os.close(pipe.pop())
    assert drain(reading) is None
    assert drain(reading) is None


def test_one_reading_takes_a_bounded_share_of_what_is_endless() -> None:
    with open("/dev/zero", "rb") as endless:
        assert drain(endless.fileno()) == bytes(1 << 16)


def test_what_is_short_is_kept_as_it_was() -> None:
    tail = Tail()
    for piece in (b"one\ntw", b"o\n", b"\xc3", b"\xa4 no line end"):
        tail.feed(piece)
    assert tail.text == "one\ntwo\nä no line end"
    assert not tail.exceeded


def test_of_much_the_beginning_and_the_last_lines_are_kept_and_the_rest_is_counted() -> None:
    tail = Tail()
    lines = [f"line {number}\n" for number in range(10_000)]
    everything = "".join(lines)
    for line in lines:
        tail.feed(line.encode())
    last = "".join(lines[-LINES:])
    assert tail.text.startswith(everything[:FIRST])
    assert tail.text.endswith(last)
    assert f"\n({len(everything) - FIRST - len(last):,} bytes left out)\n" in tail.text
    assert len(tail.text) < 2 * FIRST


@pytest.mark.parametrize("length", [LINES, LINES + 1, FIRST // 8, FIRST // 8 + LINES, FIRST // 8 + LINES + 1, 2000])
def test_beginning_and_end_never_overlap(length: int) -> None:
    """Lines of 8 bytes: whatever their number, what is shown and what is left out add up."""
    tail = Tail()
    everything = "".join(f"{number:7}\n" for number in range(length))
    tail.feed(everything.encode())
    head, note, rest = tail.text.partition(" bytes left out)\n")
    if not note:
        assert tail.text == everything
    else:
        shown, _, left_out = head.rpartition("\n(")
        assert everything == shown + everything[len(shown) : len(shown) + int(left_out.replace(",", ""))] + rest


def test_one_line_of_gigabytes_takes_no_room() -> None:
    tail = Tail(limit=1 << 40)
    for _ in range(200):
        tail.feed(b"x" * (1 << 16))
    assert tail.total == 200 << 16
    assert len(tail.text) < FIRST + LINES * LONGEST_LINE + 100
    assert "bytes left out" in tail.text


def test_too_much_is_told_once() -> None:
    told: list[str] = []
    tail = Tail(on_excess=lambda: told.append("too much"), limit=10)
    tail.feed(b"0123456789")
    assert not tail.exceeded
    assert told == []
    tail.feed(b"!")
    tail.feed(b"and on it goes")
    assert tail.exceeded
    assert told == ["too much"]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    tail = Tail()
    tail.feed(b"\xff\xfe\n")
    assert tail.text == "\\xff\\xfe\n"
