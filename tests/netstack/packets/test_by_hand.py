"""What each header looks like on the wire, what is refused, and in which words."""

import dataclasses
from collections.abc import Callable

import pytest

from netstack.packets import (
    ACK,
    CE,
    FIN,
    NO_OPTIONS,
    PSH,
    RST,
    SYN,
    URG,
    Arp,
    Ethernet,
    Icmp,
    IPv4,
    Options,
    PacketError,
    Tcp,
    Udp,
    arp,
    ethernet,
    icmp,
    number,
    text,
)
from netstack.packets.checksum import checksum

A, B = b"\x02\0\0\0\1\0", b"\x02\0\0\0\2\0"
HERE, THERE = number("10.0.0.1"), number("10.0.0.2")


def hexadecimal(written: str) -> bytes:
    return bytes.fromhex(written.replace("|", ""))


def mended(packet: bytes, at: int, pseudo: int = 0) -> bytes:
    """`packet` with the checksum at `at` made anew."""
    zeroed = packet[:at] + bytes(2) + packet[at + 2 :]
    return zeroed[:at] + checksum(pseudo, zeroed).to_bytes(2, "big") + zeroed[at + 2 :]


def test_a_frame_on_the_wire() -> None:
    frame = Ethernet(B, A, ethernet.ARP, Arp(arp.REQUEST, A, HERE, bytes(6), THERE).build())
    written = hexadecimal(
        "020000000200 020000000100 0806 | 0001 0800 06 04 0001 020000000100 0a000001 000000000000 0a000002"
    )
    assert frame.build() == written
    assert Arp.parse(Ethernet.parse(written + bytes(18)).payload) == Arp(arp.REQUEST, A, HERE, bytes(6), THERE)


def test_a_captured_segment() -> None:
    """A SYN as Linux sends it, to a port of another machine: every option there is at the start."""
    packet = hexadecimal(
        "4500 003c 1c46 4000 4006 0a74 0a000001 0a000002 |"
        "9c40 0050 b2d05e00 00000000 a0 02 faf0 0000 0000 |"
        "0204 05b4 0402 080a 006acfc0 00000000 01 030307"
    )
    packet = mended(packet[:20], 10) + mended(packet[20:], 16, HERE + THERE + 6 + 40)
    expected = Tcp(40000, 80, 3_000_000_000, 0, SYN, 64240, b"", Options(1460, 7, True, (), (7_000_000, 0)))
    carried = IPv4.parse(packet)
    assert carried == IPv4(HERE, THERE, 6, packet[20:], identification=0x1C46)
    assert Tcp.parse(carried.payload, HERE, THERE) == expected
    assert carried.build() == packet
    assert expected.build(HERE, THERE) == packet[20:]


@pytest.mark.parametrize(
    ("options", "on_the_wire"),
    [
        (Options(mss=1460), "020405b4"),
        (Options(window_scale=7), "01030307"),
        (Options(sack_permitted=True), "0101 0402"),
        (Options(timestamps=(1, 2)), "0101 080a 00000001 00000002"),
        (Options(sack_permitted=True, timestamps=(1, 2)), "0402 080a 00000001 00000002"),
        (Options(sack=((1, 2),)), "0101 050a 00000001 00000002"),
        (Options(sack=((1, 2),), timestamps=(3, 4)), "0101 080a 00000003 00000004 0101 050a 00000001 00000002"),
    ],
)
def test_options_lie_where_linux_puts_them(options: Options, on_the_wire: str) -> None:
    assert options.build() == bytes.fromhex(on_the_wire)
    assert Options.parse(bytes.fromhex(on_the_wire)) == options


@pytest.mark.parametrize(
    ("what", "on_the_wire", "read"),
    [
        ("nothing", "", NO_OPTIONS),
        ("behind the end nothing counts", "00 02 04 05 b4", NO_OPTIONS),
        ("an unknown one is stepped over", "fe 04 12 34 0204 05b4", Options(mss=1460)),
        ("a known one of a wrong length too", "02 03 05 0204 05b4", Options(mss=1460)),
        ("the last one of its kind counts", "0204 0001 0204 05b4", Options(mss=1460)),
        ("a scale above 14 is 14", "03 03 ff", Options(window_scale=14)),
        ("half a block is no block", "05 06 00000001", NO_OPTIONS),
        ("timestamps without fillers", "08 0a 00000001 00000002", Options(timestamps=(1, 2))),
    ],
)
def test_options_are_read_with_patience(what: str, on_the_wire: str, read: Options) -> None:
    assert Options.parse(bytes.fromhex(on_the_wire)) == read, what


@pytest.mark.parametrize("on_the_wire", ["fe 00", "fe 01", "02", "01 01 02", "fe 05 00", "02 04 05"])
def test_a_length_that_leads_nowhere_is_refused(on_the_wire: str) -> None:
    with pytest.raises(PacketError, match="leads nowhere"):
        Options.parse(bytes.fromhex(on_the_wire))


def test_more_options_than_there_is_room_for() -> None:
    block = (1, 2)
    assert len(Options(sack=(block,) * 4).build()) == 36
    assert len(Options(sack=(block,) * 3, timestamps=(1, 2)).build()) == 40
    for crowded in (Options(sack=(block,) * 5), Options(sack=(block,) * 4, timestamps=(1, 2))):
        with pytest.raises(PacketError, match="room for 40"):
            crowded.build()


PACKET = IPv4(HERE, THERE, 17, b"payload", ecn=CE, ttl=9).build()


def test_ip_options_are_skipped_and_padding_is_cut_off() -> None:
    with_options = mended(b"\x47" + PACKET[1:3] + b"\x23" + PACKET[4:20] + b"\x94\x04\0\0" + bytes(4), 10)
    assert IPv4.parse(with_options + b"payload" + b"padding") == IPv4.parse(PACKET)


def altered(at: int, *octets: int) -> bytes:
    return mended((PACKET[:at] + bytes(octets) + PACKET[at + len(octets) :])[:20], 10) + PACKET[20:]


@pytest.mark.parametrize(
    ("packet", "complaint"),
    [
        (PACKET[:19], "too few"),
        (b"", "too few"),
        (altered(0, 0x65), "version 6"),
        (altered(0, 0x44), "header of 16"),
        (altered(0, 0x4F), "header of 60"),
        (altered(2, 0, 19), "19 in total"),
        (altered(2, 0, 28), "28 in total"),
        (PACKET[:8] + b"\x08" + PACKET[9:], "checksum"),
        (altered(6, 0x20, 0), "fragment"),
        (altered(6, 0, 1), "fragment"),
    ],
)
def test_what_ipv4_refuses(packet: bytes, complaint: str) -> None:
    with pytest.raises(PacketError, match=complaint):
        IPv4.parse(packet)


DATAGRAM = Udp(1000, 53, b"who?").build(HERE, THERE)


def test_udp_without_a_checksum_is_accepted() -> None:
    assert Udp.parse(DATAGRAM[:6] + bytes(2) + DATAGRAM[8:], HERE, THERE) == Udp(1000, 53, b"who?")


def test_udp_never_sends_the_checksum_0() -> None:
    """0 would say that there is none: RFC 768 sends its double. Here the payload is chosen so that the sum is 0."""
    without = Udp(1, 2, bytes(2)).build(HERE, THERE)
    chosen = Udp(1, 2, without[6:8])
    assert chosen.build(HERE, THERE)[6:8] == b"\xff\xff"
    assert Udp.parse(chosen.build(HERE, THERE), HERE, THERE) == chosen


SEGMENT = Tcp(1, 2, 3, 4, ACK, 5, b"text").build(HERE, THERE)


@pytest.mark.parametrize(
    ("parsed", "complaint"),
    [
        (lambda: Udp.parse(DATAGRAM, HERE, THERE + 1), "checksum"),
        (lambda: Udp.parse(DATAGRAM[:7], HERE, THERE), "too few"),
        (lambda: Udp.parse(DATAGRAM[:-1], HERE, THERE), "cannot be"),
        (lambda: Udp.parse(DATAGRAM[:4] + b"\0\7" + DATAGRAM[6:], HERE, THERE), "cannot be"),
        (lambda: Tcp.parse(SEGMENT, HERE + 1, THERE), "checksum"),
        (lambda: Tcp.parse(SEGMENT[:19], HERE, THERE), "too few"),
        (lambda: Tcp.parse(with_offset(4), HERE, THERE), "header of 16"),
        (lambda: Tcp.parse(with_offset(7), HERE, THERE), "header of 28"),
        (lambda: Icmp.parse(b"\x08\0\0\0\0\0\0\1"), "checksum"),
        (lambda: Icmp.parse(bytes(7)), "too few"),
        (lambda: Ethernet.parse(bytes(13)), "too few"),
        (lambda: Arp.parse(bytes(27)), "too few"),
        (lambda: Arp.parse(bytes(28)), "other networks"),
        (lambda: number("10.0.0"), "four numbers"),
        (lambda: number("10.0.0.256"), "four numbers"),
        (lambda: number("10.0.0.-1"), "four numbers"),
        (lambda: number("10.0.0.²"), "four numbers"),
    ],
)
def test_what_the_others_refuse(parsed: Callable[[], object], complaint: str) -> None:
    with pytest.raises(PacketError, match=complaint):
        parsed()


def with_offset(words: int) -> bytes:
    return mended(SEGMENT[:12] + bytes((words << 4,)) + SEGMENT[13:], 16, HERE + THERE + 6 + len(SEGMENT))


@pytest.mark.parametrize(
    "built",
    [
        lambda: Ethernet(A[:5], B, 0, b"").build(),
        lambda: Ethernet(A, B + b"\0", 0, b"").build(),
        lambda: Ethernet(A, B, 1 << 16, b"").build(),
        lambda: Arp(1, A[:5], HERE, B, THERE).build(),
        lambda: Arp(1, A, HERE, B, 1 << 32).build(),
        lambda: IPv4(HERE, 1 << 32, 6, b"").build(),
        lambda: IPv4(HERE, -1, 6, b"").build(),
        lambda: IPv4(HERE, THERE, 256, b"").build(),
        lambda: IPv4(HERE, THERE, 6, b"", ttl=256).build(),
        lambda: IPv4(HERE, THERE, 6, b"", ecn=4).build(),
        lambda: IPv4(HERE, THERE, 6, b"", dscp=64).build(),
        lambda: IPv4(HERE, THERE, 6, b"", identification=1 << 16).build(),
        lambda: IPv4(HERE, THERE, 6, bytes(65516)).build(),
        lambda: Icmp(256, 0, 0).build(),
        lambda: Icmp(0, 0, 1 << 32).build(),
        lambda: Udp(1 << 16, 0, b"").build(HERE, THERE),
        lambda: Udp(0, 0, bytes(65528)).build(HERE, THERE),
        lambda: Tcp(0, 0, 1 << 32, 0, 0, 0).build(HERE, THERE),
        lambda: Tcp(0, 0, 0, 0, 1 << 8, 0).build(HERE, THERE),
        lambda: Tcp(0, 0, 0, 0, 0, 1 << 16).build(HERE, THERE),
        lambda: Options(mss=1 << 16).build(),
        lambda: Options(window_scale=15).build(),
        lambda: Options(window_scale=-1).build(),
        lambda: Options(timestamps=(0, 1 << 32)).build(),
        lambda: Options(sack=((0, -1),)).build(),
        lambda: Options(sack=((1, 2),) * 40).build(),
    ],
)
def test_what_no_bytes_can_carry_is_not_built(built: Callable[[], bytes]) -> None:
    with pytest.raises(PacketError):
        built()


def test_an_error_quotes_its_packet_and_fits_576_bytes() -> None:
    big = IPv4(HERE, THERE, 17, bytes(1400)).build()
    needed = icmp.unreachable(icmp.FRAGMENTATION_NEEDED, big, mtu=1280)
    assert (needed.type, needed.code, needed.mtu) == (3, 4, 1280)
    assert len(IPv4(THERE, HERE, icmp.PROTOCOL, needed.build()).build()) == 576
    assert icmp.time_exceeded(PACKET).payload == PACKET


def test_an_echo_comes_back_as_it_went() -> None:
    request = icmp.echo_request(0x1234, 7, b"abc")
    reply = icmp.echo_reply(request)
    assert request.build() == mended(hexadecimal("08 00 0000 1234 0007 | 616263"), 2)
    assert (reply.type, reply.identifier, reply.sequence, reply.payload) == (0, 0x1234, 7, b"abc")


@pytest.mark.parametrize(
    ("segment", "line", "length"),
    [
        (
            Tcp(80, 4000, 7, 1, SYN | ACK, 65535, options=Options(1460, None, True, (), (1, 0))),
            "80 > 4000: Flags [S.], seq 7, ack 1, win 65535, options [mss 1460,sackOK,TS val 1 ecr 0], length 0",
            1,
        ),
        (
            Tcp(80, 4000, 2**32 - 2, 1, PSH | ACK | FIN, 9, b"four"),
            "80 > 4000: Flags [FP.], seq 4294967294:2, ack 1, win 9, length 4",
            5,
        ),
        (
            Tcp(1, 2, 7, 8, ACK, 9, options=Options(sack=((20, 30), (40, 50)))),
            "1 > 2: Flags [.], ack 8, win 9, options [sack 2 {20:30}{40:50}], length 0",
            0,
        ),
        (Tcp(1, 2, 7, 0, RST, 0), "1 > 2: Flags [R], seq 7, win 0, length 0", 0),
        (Tcp(1, 2, 7, 0, URG, 0, urgent=3), "1 > 2: Flags [U], win 0, urg 3, length 0", 0),
        (Tcp(1, 2, 7, 0, 0, 0), "1 > 2: Flags [none], win 0, length 0", 0),
    ],
)
def test_a_segment_in_one_line(segment: Tcp, line: str, length: int) -> None:
    assert str(segment) == segment.text == line
    assert segment.segment_length == length


def test_addresses_as_people_write_them() -> None:
    assert text(HERE) == "10.0.0.1"
    assert number("255.255.255.255") == 2**32 - 1


def test_a_packet_is_a_frozen_value() -> None:
    """Though it is made by a quicker constructor than a dataclass's own."""
    packet = IPv4(HERE, THERE, protocol=6, payload=b"")
    with pytest.raises(dataclasses.FrozenInstanceError):
        packet.ttl = 3  # type: ignore[misc]
    assert not hasattr(packet, "__dict__")
    assert dataclasses.replace(packet, ttl=3) == IPv4(HERE, THERE, 6, b"", ttl=3)
    assert len({packet, IPv4(HERE, THERE, 6, b"", 64)}) == 1
    assert repr(Udp(1, 2, b"")) == "Udp(source_port=1, destination_port=2, payload=b'')"
    with pytest.raises(TypeError, match=r"Udp\.__init__\(\) missing 1 required"):
        Udp(1, 2)  # type: ignore[call-arg]
