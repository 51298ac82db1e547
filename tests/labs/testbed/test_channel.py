"""The channel's codec: what goes in comes out, however the stream is cut, and rubbish raises one error."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.testbed.channel import (
    LONGEST,
    NEVER,
    Ask,
    ChannelError,
    Consumed,
    Decoder,
    Deliver,
    End,
    Frame,
    Grant,
    Message,
    Note,
    Offer,
    Start,
    Stop,
    Wait,
    decode,
    encode,
)
from netstack.requests import Answer, Operation, Request

numbers = st.integers(0, 2**16 - 1)
longs = st.integers(0, 2**32 - 1)
times = st.integers(0, 2**64 - 1)
texts = st.text(st.characters(codec="utf-8"))
settings_ = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(Start, st.dictionaries(texts, settings_)),
    st.builds(Grant, times),
    st.just(Stop()),
    st.builds(Frame, numbers, st.binary()),
    st.builds(Ask, numbers),
    st.builds(Offer, numbers, st.binary()),
    st.builds(Deliver, numbers, st.binary()),
    st.builds(Consumed, numbers, times),
    st.builds(Note, texts),
    st.builds(Wait, times),
    st.builds(Request, longs, st.sampled_from(Operation), longs, longs, numbers, times, st.binary()),
    st.builds(Answer, longs, numbers, longs, numbers, times, st.binary()),
    st.builds(End, st.sampled_from(["returned", "raised", "cancelled"]), texts),
)


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(places)]


@given(st.lists(messages), st.lists(st.integers(0)))
def test_messages_arrive_as_they_were_sent_however_the_stream_is_cut(sent: list[Message], cuts: list[int]) -> None:
    decoder = Decoder()
    stream = b"".join(map(encode, sent))
    assert [message for piece in in_pieces(stream, cuts) for message in decoder.feed(piece)] == sent


def feed_all(data: bytes, cuts: list[int]) -> list[Message]:
    """Decode as far as possible; any error other than the promised one fails the test."""
    decoder = Decoder()
    seen = []
    try:
        for piece in in_pieces(data, cuts):
            seen.extend(decoder.feed(piece))
    except ChannelError:
        pass
    return seen


@given(st.binary(), st.lists(st.integers(0)))
def test_rubbish_raises_one_error(data: bytes, cuts: list[int]) -> None:
    for message in feed_all(data, cuts):
        assert decode(encode(message)[4:]) == message


@given(messages, st.integers(0), st.integers(1, 255))
def test_a_damaged_message_is_another_message_or_one_error(message: Message, place: int, change: int) -> None:
    data = bytearray(encode(message))
    data[place % len(data)] ^= change
    for seen in feed_all(bytes(data), []):
        assert decode(encode(seen)[4:]) == seen


@given(st.sampled_from(b"FWGAODCNSEX"), st.binary(max_size=20))
def test_every_type_takes_any_body_or_raises_one_error(kind: int, body: bytes) -> None:
    record = bytes([kind]) + body
    try:
        message = decode(record)
    except ChannelError:
        return
    assert decode(encode(message)[4:]) == message


@pytest.mark.parametrize("length", [0, LONGEST + 1, 2**32 - 1])
def test_an_impossible_length_is_refused_before_its_body_comes(length: int) -> None:
    with pytest.raises(ChannelError, match="the longest has"):
        list(Decoder().feed(length.to_bytes(4, "big")))


def test_json_nested_too_deeply_is_a_broken_message() -> None:
    with pytest.raises(ChannelError, match="broken"):
        decode(b"S" + b"[" * 500_000)


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b"{", b'{"a":', b"\xff", b"1" * 5000])
def test_settings_are_one_json_object(body: bytes) -> None:
    with pytest.raises(ChannelError, match="broken"):
        decode(b"S" + body)


def test_only_the_three_endings_are_endings() -> None:
    with pytest.raises(ChannelError, match="an unknown ending"):
        decode(b"Epassed\nall checks")


@pytest.mark.parametrize("message", [Frame(0, bytes(LONGEST)), Deliver(0, bytes(LONGEST)), Note("x" * LONGEST)])
def test_a_message_that_the_other_end_would_refuse_is_not_made(message: Message) -> None:
    with pytest.raises(ChannelError, match="do not fit"):
        encode(message)


def test_the_longest_message_that_is_made_is_taken() -> None:
    longest = Frame(0, bytes(LONGEST - 3))
    assert list(Decoder().feed(encode(longest))) == [longest]


def test_never_is_a_time_like_any_other() -> None:
    assert list(Decoder().feed(encode(Wait(NEVER)))) == [Wait(NEVER)]


def test_text_that_is_not_utf8_becomes_text_all_the_same() -> None:
    assert decode(b"N\xff\xfe") == Note("��")
    assert encode(Note("\ud800"))[5:] == b"?"


def test_start_carries_what_json_can() -> None:
    settings: dict[str, Any] = {"file": "ü.py", "links": [{"longest": 1514}], "arguments": {"nested": [1, [2, {}]]}}
    assert decode(encode(Start(settings))[4:]) == Start(settings)
