"""The Internet checksum: one division says what RFC 1071's loop over words says."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.packets.checksum import checksum, verifies


def as_the_rfc_has_it(data: bytes) -> int:
    """RFC 1071, 4.1: add the words, the carries, and turn every bit over."""
    if len(data) % 2:
        data += b"\0"
    added = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while added >> 16:
        added = (added & 0xFFFF) + (added >> 16)
    return ~added & 0xFFFF


def test_the_rfcs_own_example() -> None:
    words = bytes.fromhex("0001f203f4f5f6f7")  # RFC 1071, 3: their sum is ddf2
    assert checksum(0, words) == 0xFFFF - 0xDDF2


@given(st.binary(max_size=200))
def test_the_division_agrees_with_the_loop(data: bytes) -> None:
    assert checksum(0, data) == as_the_rfc_has_it(data)


@pytest.mark.parametrize("data", [b"", b"\0", bytes(20), b"\xff" * 20, b"\xff", b"\xff\xfe\0\1", b"\x80\0\x7f\xff"])
def test_the_two_zeros_of_ones_complement_are_told_apart(data: bytes) -> None:
    assert checksum(0, data) == as_the_rfc_has_it(data)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1), st.binary(max_size=80))
def test_fields_count_as_the_words_they_are_made_of(long: int, short: int, data: bytes) -> None:
    assert checksum(long + short, data) == as_the_rfc_has_it(struct.pack("!IH", long, short) + data)


@given(st.binary(max_size=80), st.integers(0, 2**32 - 1))
def test_what_has_its_checksum_verifies(data: bytes, fields: int) -> None:
    data += bytes(len(data) % 2)
    assert verifies(data + checksum(fields, data).to_bytes(2, "big"), fields)


@given(st.binary(min_size=2, max_size=80), st.data())
def test_one_flipped_bit_never_passes(data: bytes, draw: st.DataObject) -> None:
    data += bytes(len(data) % 2)
    data += checksum(0, data).to_bytes(2, "big")
    bit = draw.draw(st.integers(0, 8 * len(data) - 1))
    damaged = (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")
    assert not verifies(damaged)


def test_nothing_but_zeros_does_not_verify() -> None:
    assert not verifies(bytes(20))
