"""Bytes into order, held against a model: a bytearray and a set of positions."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from netstack.tcp.reassembler import Reassembler

STREAM = bytes(range(256)) * 2


def test_in_order() -> None:
    it = Reassembler(10)
    assert it.receive(10, b"abc") == b"abc"
    assert (it.wanted, it.has_gap, it.blocks()) == (13, False, [])


def test_a_gap_and_its_end() -> None:
    it = Reassembler(0)
    assert it.receive(3, b"def") == b""
    assert it.has_gap
    assert it.receive(0, b"abc") == b"abcdef"
    assert (it.wanted, it.has_gap) == (6, False)


def test_what_is_known_is_ignored() -> None:
    it = Reassembler(0)
    it.receive(0, b"abcdef")
    assert it.receive(0, b"XXXXXX") == b""
    assert it.receive(3, b"XXXghi") == b"ghi"
    assert it.receive(9, b"") == b""


def test_when_two_disagree_the_first_holds() -> None:
    it = Reassembler(0)
    it.receive(2, b"cd")
    assert it.receive(0, b"abXXef") == b"abcdef"


def test_a_piece_over_several_pieces_fills_the_holes_between_them() -> None:
    it = Reassembler(0)
    for start in (2, 5, 8):
        it.receive(start, bytes([start]))
    it.receive(1, b"........." + b"!")
    assert it.receive(0, b"0") == b"0." + b"\x02" + b".." + b"\x05" + b".." + b"\x08" + b".!"


def test_blocks_are_joined_and_the_latest_comes_first() -> None:
    it = Reassembler(0)
    for start in (10, 30, 50, 12, 70):
        it.receive(start, b"xx")
    assert it.blocks() == [(70, 72), (10, 14), (50, 52), (30, 32)]
    it.receive(30, b"xxxx")
    assert it.blocks()[0] == (30, 34)


pieces = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 30)), max_size=30)


@given(pieces)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_against_a_model(schedule: list[tuple[int, int]]) -> None:
    """Whatever comes, in whatever order: each byte once, in order, as soon as it can be; blocks are what is early."""
    it, out, come = Reassembler(0), bytearray(), set[int]()
    for start, length in schedule:
        out += it.receive(start, STREAM[start : start + length])
        come |= set(range(start, start + length))
        in_order = next(position for position in range(200) if position not in come)
        assert bytes(out) == STREAM[:in_order]
        assert it.wanted == in_order
        blocks = it.blocks()
        assert {position for begin, end in blocks for position in range(begin, end)} == {
            p for p in come if p > in_order
        }
        ordered = sorted(blocks)
        assert all(one[1] < other[0] for one, other in itertools.pairwise(ordered)), "blocks touch"
        assert it.has_gap == bool(blocks)
