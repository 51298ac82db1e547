"""Framing: what goes in comes out, however the line cuts it; noise costs what it touches and no more."""

import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.framing import ESCAPE, FLAG, LONGEST, DamagedError, Decoder, decode, encode

awkward = st.sampled_from([0x7E, 0x7D, 0x5E, 0x5D, 0x20, 0x00])
messages = st.lists(st.one_of(awkward, st.integers(0, 255)), max_size=80).map(bytes)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """`stream` cut at `places`, taken modulo its length."""
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in itertools.pairwise(edges)]


def hear(pieces: list[bytes]) -> list[bytes]:
    decoder = Decoder()
    return [message for piece in pieces for message in decoder.feed(piece)]


@pytest.mark.parametrize(
    ("message", "on_the_line"),
    [
        (b"Ada", "7e 41 64 61 b5 3d c1 88 7e"),
        (b"~}", "7e 7d 5e 7d 5d de d1 4b 06 7e"),
        (b"Robert", "7e 52 6f 62 65 72 74 7d 5e b4 70 d1 7e"),
        (b"", "7e 00 00 00 00 7e"),
    ],
)
def test_the_handouts_examples(message: bytes, on_the_line: str) -> None:
    assert encode(message).hex(" ") == on_the_line
    assert hear([encode(message)]) == [message]


@given(messages)
def test_the_flag_stands_at_both_ends_and_nowhere_else(message: bytes) -> None:
    line = encode(message)
    assert line[0] == line[-1] == FLAG
    assert FLAG not in line[1:-1]


@given(st.lists(messages, max_size=6), st.lists(st.integers(0, 10_000), max_size=12))
def test_however_the_line_cuts_it_the_same_messages_come_out(sent: list[bytes], places: list[int]) -> None:
    assert hear(cut(b"".join(map(encode, sent)), places)) == sent


@given(st.lists(messages, max_size=4))
def test_neighbours_may_share_a_flag(sent: list[bytes]) -> None:
    shared = bytes([FLAG]) + b"".join(encode(message)[1:] for message in sent)
    assert hear([shared]) == sent


@given(messages, st.binary(max_size=60), messages)
def test_noise_between_messages_costs_nothing(before: bytes, noise: bytes, after: bytes) -> None:
    """Unless it ends in an escape or looks like a message of its own, which a flag before and after rules out."""
    heard = hear([encode(before) + noise + bytes([FLAG]) + encode(after)])
    assert heard[0] == before
    assert heard[-1] == after


@given(st.lists(messages, min_size=3, max_size=3), st.data())
def test_a_damaged_bit_costs_at_most_the_message_it_hits(sent: list[bytes], data: st.DataObject) -> None:
    lines = [bytearray(encode(message)) for message in sent]
    place = data.draw(st.integers(0, len(lines[1]) * 8 - 1))
    lines[1][place // 8] ^= 0x80 >> place % 8
    heard = hear([b"".join(map(bytes, lines))])
    assert heard[0] == sent[0]
    assert heard[-1] == sent[2]
    assert heard[1:-1] in ([], [sent[1]])


@given(messages, st.binary(max_size=8))
def test_a_message_that_never_ended_does_not_take_the_next_one_with_it(message: bytes, torn: bytes) -> None:
    assert hear([encode(torn)[:-1], encode(message)])[-1] == message


@given(st.binary(max_size=200))
def test_the_parser_raises_exactly_one_error(body: bytes) -> None:
    try:
        message = decode(body)
    except DamagedError:
        return
    assert decode(encode(message)[1:-1]) == message


def test_an_escape_right_before_the_flag_is_damage() -> None:
    whole = encode(b"Ada")[1:-1]
    with pytest.raises(DamagedError):
        decode(whole + bytes([ESCAPE]))


def test_the_longest_message_passes_and_one_byte_more_does_not() -> None:
    longest = bytes([ESCAPE]) * LONGEST
    assert hear([encode(longest)]) == [longest]
    with pytest.raises(ValueError, match="at most 1500"):
        encode(longest + b"!")
    too_long = bytes(LONGEST + 1)
    forged = bytes([FLAG]) + too_long + zlib.crc32(too_long).to_bytes(4, "big") + bytes([FLAG])
    assert hear([forged, encode(b"next")]) == [b"next"]


def test_a_line_that_never_sends_a_flag_does_not_fill_the_memory() -> None:
    decoder = Decoder()
    for _ in range(1000):
        assert decoder.feed(bytes(16)) == []
    assert len(decoder._unfinished) < 2 * (LONGEST + 4) + 2
    assert decoder.feed(encode(b"still here")) == [b"still here"]
    assert decoder.damaged == 1
