"""Any packet at all: what is built is parsed as it was, scapy agrees, and no bytes break a parser."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from netstack.packets import Arp, Ethernet, Icmp, IPv4, Options, PacketError, Tcp, Udp, icmp, text
from netstack.packets.checksum import checksum

octets = st.integers(0, 0xFF)
words = st.integers(0, 0xFFFF)
longs = st.integers(0, 0xFFFFFFFF)
macs = st.binary(min_size=6, max_size=6)
payloads = st.binary(max_size=60)
timestamps = st.tuples(longs, longs)

options = st.builds(
    Options,
    mss=st.none() | words,
    window_scale=st.none() | st.integers(0, 14),
    sack_permitted=st.booleans(),
    timestamps=st.none() | timestamps,
) | st.builds(
    Options,
    sack=st.lists(st.tuples(longs, longs), max_size=3).map(tuple),
    timestamps=st.none() | timestamps,
)

SOURCE, DESTINATION = 0x0A000001, 0xC0A8FE07
ENDS = text(SOURCE), text(DESTINATION)


@dataclass(frozen=True)
class Header:
    """One header: any value of it, how to build and parse it, and what scapy makes of the same value."""

    values: st.SearchStrategy[Any]
    build: Callable[[Any], bytes]
    parse: Callable[[bytes], Any]
    in_scapy: Callable[[Any], Packet]
    checksum_at: int | None = None
    covered: int | None = None
    pseudo: Callable[[bytes], int] = lambda data: 0

    def mended(self, data: bytes) -> bytes:
        """`data` with the right checksum, so that what lies behind the check is reached too."""
        if self.checksum_at is None or len(data) < self.checksum_at + 2:
            return data
        begin, end = self.checksum_at, self.checksum_at + 2
        data = data[:begin] + bytes(2) + data[end:]
        return data[:begin] + checksum(self.pseudo(data), data[: self.covered]).to_bytes(2, "big") + data[end:]


def mac(address: bytes) -> str:
    return address.hex(":")


def tcp_in_scapy(segment: Tcp) -> Packet:
    """Its options in an order and with fillers of scapy's own."""
    said = segment.options
    listed: list[tuple[str, object]] = []
    if said.sack:
        listed.append(("SAck", tuple(edge for block in said.sack for edge in block)))
    if said.window_scale is not None:
        listed.append(("WScale", said.window_scale))
    if said.timestamps:
        listed.append(("Timestamp", said.timestamps))
    if said.sack_permitted:
        listed.append(("SAckOK", b""))
    if said.mss is not None:
        listed.append(("MSS", said.mss))
    header = TCP(
        sport=segment.source_port,
        dport=segment.destination_port,
        seq=segment.sequence,
        ack=segment.acknowledgement,
        flags=segment.flags,
        window=segment.window,
        urgptr=segment.urgent,
        options=listed,
    )
    return header / Raw(segment.payload)


def icmp_rest(message: Icmp) -> dict[str, int]:
    if message.type == icmp.DESTINATION_UNREACHABLE:
        return {"nexthopmtu": message.mtu}
    return {"id": message.identifier, "seq": message.sequence}


HEADERS = {
    "ethernet": Header(
        st.builds(Ethernet, macs, macs, words, payloads),
        Ethernet.build,
        Ethernet.parse,
        lambda x: Ether(dst=mac(x.destination), src=mac(x.source), type=x.type) / Raw(x.payload),
    ),
    "arp": Header(
        st.builds(Arp, words, macs, longs, macs, longs),
        Arp.build,
        Arp.parse,
        lambda x: ARP(
            op=x.operation,
            hwsrc=mac(x.sender_mac),
            psrc=text(x.sender_ip),
            hwdst=mac(x.target_mac),
            pdst=text(x.target_ip),
        ),
    ),
    "ipv4": Header(
        st.builds(
            IPv4, longs, longs, octets, payloads, octets, words, st.booleans(), st.integers(0, 3), st.integers(0, 63)
        ),
        IPv4.build,
        IPv4.parse,
        lambda x: (
            IP(
                src=text(x.source),
                dst=text(x.destination),
                proto=x.protocol,
                ttl=x.ttl,
                id=x.identification,
                flags="DF" if x.dont_fragment else 0,
                tos=x.dscp << 2 | x.ecn,
            )
            / Raw(x.payload)
        ),
        checksum_at=10,
        covered=20,
    ),
    "icmp": Header(
        # What the rest of the header means depends on the type: these are the types that scapy gives fields for.
        st.builds(Icmp, st.sampled_from([icmp.ECHO_REQUEST, icmp.ECHO_REPLY]), octets, longs, payloads)
        | st.builds(Icmp, st.just(icmp.DESTINATION_UNREACHABLE), st.just(icmp.FRAGMENTATION_NEEDED), words, payloads),
        Icmp.build,
        Icmp.parse,
        lambda x: ICMP(type=x.type, code=x.code, **icmp_rest(x)) / Raw(x.payload),
        checksum_at=2,
    ),
    "udp": Header(
        st.builds(Udp, words, words, payloads),
        lambda x: x.build(SOURCE, DESTINATION),
        lambda data: Udp.parse(data, SOURCE, DESTINATION),
        lambda x: UDP(sport=x.source_port, dport=x.destination_port) / Raw(x.payload),
        checksum_at=6,
        pseudo=lambda data: SOURCE + DESTINATION + 17 + len(data),
    ),
    "tcp": Header(
        st.builds(Tcp, words, words, longs, longs, octets, words, payloads, options, words),
        lambda x: x.build(SOURCE, DESTINATION),
        lambda data: Tcp.parse(data, SOURCE, DESTINATION),
        tcp_in_scapy,
        checksum_at=16,
        pseudo=lambda data: SOURCE + DESTINATION + 6 + len(data),
    ),
}

every_header = pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())


def scapys(packet: Packet) -> bytes:
    """The bytes that scapy makes of it, on its way from SOURCE to DESTINATION where a checksum wants to know."""
    if isinstance(packet, TCP | UDP):
        return bytes(IP(src=ENDS[0], dst=ENDS[1]) / packet)[20:]
    return bytes(packet)


@every_header
@given(data=st.data())
def test_what_is_built_is_parsed_as_it_was(header: Header, data: st.DataObject) -> None:
    value = data.draw(header.values)
    built = header.build(value)
    assert header.parse(built) == value
    received = bytearray(built)
    in_a_buffer = header.parse(memoryview(received))
    received[:] = bytes(len(received))  # the buffer is used again; the value is not to notice
    assert in_a_buffer == value


@every_header
@given(data=st.data())
def test_what_scapy_writes_is_read(header: Header, data: st.DataObject) -> None:
    value = data.draw(header.values)
    assert header.parse(scapys(header.in_scapy(value))) == value


@every_header
@given(data=st.data())
def test_scapy_writes_the_same_bytes(header: Header, data: st.DataObject) -> None:
    value = data.draw(header.values)
    if isinstance(value, Tcp):
        value = dataclasses.replace(value, options=Options())  # scapy orders them in another way
    assert header.build(value) == scapys(header.in_scapy(value))


@given(HEADERS["tcp"].values)
def test_scapy_reads_options_as_we_write_them(segment: Tcp) -> None:
    carrier = IP(IPv4(SOURCE, DESTINATION, 6, segment.build(SOURCE, DESTINATION)).build())
    read = dict(carrier[TCP].options)
    said = segment.options
    assert read.get("MSS") == said.mss
    assert read.get("WScale") == said.window_scale
    assert ("SAckOK" in read) == said.sack_permitted
    assert read.get("Timestamp") == said.timestamps
    assert read.get("SAck", ()) == tuple(edge for block in said.sack for edge in block)
    sent = carrier[TCP].chksum
    del carrier[TCP].chksum
    assert IP(bytes(carrier))[TCP].chksum == sent


edits = st.lists(st.tuples(st.integers(0, 79), octets), min_size=1, max_size=4)


@every_header
@given(data=st.data())
def test_no_bytes_break_a_parser(header: Header, data: st.DataObject) -> None:
    """Noise and damaged packets, cut or made longer, mostly with a right checksum: a value or the error."""
    received = bytearray(data.draw(st.binary(max_size=80) | header.values.map(header.build)))
    for at, octet in data.draw(edits):
        if at < len(received):
            received[at] = octet
    length = data.draw(st.integers(0, 80) | st.just(len(received)))
    damaged = bytes(received[:length].ljust(length, b"\1"))
    if data.draw(st.integers(0, 9)):
        damaged = header.mended(damaged)
    try:
        value = header.parse(damaged)
    except PacketError:
        return
    said = value.options if isinstance(value, Tcp) else Options()
    if said.sack and said != Options(sack=said.sack, timestamps=said.timestamps):
        return  # blocks beside the options of a SYN can lie closer together than our fillers let them
    assert header.parse(header.build(value)) == value
