"""Frames of TCP/IP told to a reader: their kinds, a line about each, and every field; and whatever bytes may come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.story.packets import Kinds, classify, describe, fields
from netstack.packets import ACK, FIN, PSH, RST, SYN, Arp, Ethernet, IPv4, Options, Tcp, Udp, icmp, number

A, B = number("10.0.0.1"), number("10.0.0.2")
ONE, TWO = bytes(range(6)), bytes(range(6, 12))


def packet(protocol: int, payload: bytes) -> bytes:
    return Ethernet(ONE, TWO, 0x0800, IPv4(A, B, protocol, payload).build()).build()


def segment(flags: int, payload: bytes = b"", window: int = 100, port: int = 80, **more: Options) -> bytes:
    return packet(6, Tcp(4000, port, 7, 9, flags, window, payload, **more).build(A, B))


@pytest.mark.parametrize(
    ("frame", "kind", "line"),
    [
        (segment(SYN, options=Options(mss=1460)), "syn", "SYN, 7, window 100"),
        (segment(SYN | ACK), "synack", "SYN, 7, acknowledges 9, window 100"),
        (segment(ACK | PSH, b"hello"), "data", "7, 5 bytes, acknowledges 9, window 100"),
        (segment(ACK), "ack", "7, acknowledges 9, window 100"),
        (segment(ACK, window=0), "zero", "7, acknowledges 9, window 0"),
        (segment(ACK | FIN, b"x"), "fin", "FIN, 7, 1 bytes, acknowledges 9, window 100"),
        (segment(RST), "rst", "RST, 7, window 100"),
        (packet(17, Udp(53, 99, b"hey").build(A, B)), "udp", "53 to 99, 3 bytes"),
        (packet(1, icmp.echo_reply(icmp.Icmp(8, 0, 0, b"")).build()), "icmp", "type 0, code 0"),
        (Ethernet(ONE, TWO, 0x0806, Arp(1, TWO, A, bytes(6), B).build()).build(), "arp", "who has 10.0.0.2?"),
        (
            Ethernet(ONE, TWO, 0x0806, Arp(2, TWO, A, ONE, B).build()).build(),
            "arp",
            "10.0.0.1 is at 06:07:08:09:0a:0b",
        ),
        (b"\0" * 20, "other", "00:00:00:00:00:00 00:00:00:00:00:00 0x0000 00 00 00 00 00 00"),
    ],
)
def test_a_kind_and_a_line(frame: bytes, kind: str, line: str) -> None:
    assert classify(frame) == kind
    assert describe(frame) == line


def test_the_fields_of_a_segment() -> None:
    frame = segment(SYN, options=Options(mss=1460, window_scale=7)) + bytes(6)
    told = {name: value for name, _, _, value in fields(frame)}
    assert told["from"] == "10.0.0.1"
    assert told["version"] == "4, a header of 20 bytes"
    assert told["flags"] == "SYN"
    assert told["options"] == "mss 1460,wscale 7"
    assert told["padding"] == "6 bytes"
    assert "payload" not in told
    assert {name: value for name, _, _, value in fields(segment(ACK, b"GET / x"))}["payload"] == "'GET / x'"


def test_room_after_none_is_a_kind_of_its_own() -> None:
    """For each connection by itself, and once for each time that there was none."""
    kind = Kinds()
    said = [segment(ACK), segment(ACK, window=0), segment(ACK, port=81), segment(ACK), segment(ACK)]
    assert [kind(frame) for frame in said] == ["ack", "zero", "ack", "window", "ack"]
    assert Kinds()(segment(ACK)) == "ack"


frames = st.binary(max_size=80) | st.builds(
    lambda type_, rest: ONE + TWO + type_ + rest,
    st.sampled_from([b"\x08\x00", b"\x08\x06"]),
    st.binary(max_size=90) | st.builds(lambda rest: b"\x45" + rest[:8] + b"\x06" + rest[8:], st.binary(max_size=80)),
)


@given(frames)
def test_any_bytes_have_a_kind_and_every_byte_lies_in_one_field(frame: bytes) -> None:
    assert classify(frame)
    assert Kinds()(frame)
    assert isinstance(describe(frame), str)
    end = 0
    for _, offset, length, value in fields(frame):
        assert offset == end
        assert length > 0
        assert isinstance(value, str)
        end += length
    assert end == len(frame)
