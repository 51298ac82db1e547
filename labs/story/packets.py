"""What travels between hosts with TCP/IP, told to a reader: kinds of frames, one line about each, and every field.

It checks nothing, for what is damaged must have a kind and fields too; any bytes will do. A lab's `kinds.py` may take
`classify`, `describe` and `fields` from here as they are.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from netstack.packets import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, Options, PacketError

ARP, IPV4 = 0x0806, 0x0800
ICMP, TCP, UDP = 1, 6, 17
ETHERNET, LEAST_IP, LEAST_TCP = 14, 20, 20
FLAGS = {"SYN": SYN, "FIN": FIN, "RST": RST, "PSH": PSH, "ACK": ACK, "URG": URG, "ECE": ECE, "CWR": CWR}

Field = tuple[str, int, int, str]
"""A field's name, the place of its first byte in the frame, its length in bytes, and its value in words."""


def classify(frame: bytes) -> str:
    """`arp`, `udp`, `icmp`, or of TCP `rst`, `syn`, `synack`, `fin`, `data`, `zero`, `ack`; else `other`.

    A segment's kind is the first of these that it is: one with bytes *and* a FIN is a `fin`. `zero` is an
    acknowledgement that leaves no room: its window is 0.
    """
    if _number(frame, 12, 2) == ARP:
        return "arp"
    protocol = _protocol(frame)
    if protocol != TCP:
        return {UDP: "udp", ICMP: "icmp"}.get(protocol, "other")
    at = _transport(frame)
    flags = frame[at + 13]
    if flags & RST:
        return "rst"
    if flags & SYN:
        return "synack" if flags & ACK else "syn"
    if flags & FIN:
        return "fin"
    if _payload(frame)[1]:
        return "data"
    return "ack" if _number(frame, at + 14, 2) else "zero"


@dataclass(slots=True)
class Kinds:
    """`classify` with a memory, for one direction of a link: hand the class itself to a scene.

    An `ack` on a connection whose window was 0 before is a `window`: what it says is that there is room again.
    """

    _closed: set[bytes] = field(default_factory=set)

    def __call__(self, frame: bytes) -> str:
        """The kind of the next frame in this direction."""
        kind = classify(frame)
        if kind not in ("ack", "zero", "data", "fin"):
            return kind
        at = _transport(frame)
        connection, was_closed = frame[26:34] + frame[at : at + 4], False
        if _number(frame, at + 14, 2) == 0:
            self._closed.add(connection)
        elif connection in self._closed:
            self._closed.discard(connection)
            was_closed = True
        return "window" if was_closed and kind == "ack" else kind


def describe(frame: bytes) -> str:
    """The frame in one line, for `lab run` and the table of a report."""
    said = {name: value for name, _, _, value in fields(frame)}
    kind = classify(frame)
    if kind == "arp" and "its IP" in said:
        asks = said["operation"] == "1"
        return f"who has {said['its IP']}?" if asks else f"{said['my IP']} is at {said['my address']}"
    if kind == "udp":
        return f"{said['port']} to {said['to port']}, {_payload(frame)[1]} bytes"
    if kind == "icmp":
        return f"type {said['type of message']}, code {said['code']}"
    if kind in ("arp", "other"):
        return " ".join(said.values())
    return _describe_segment(said, _payload(frame)[1])


def _describe_segment(said: dict[str, str], length: int) -> str:
    words = [word for word in said["flags"].split() if word not in ("ACK", "PSH", "none")]
    words.append(said["sequence"] + (f", {length} bytes" if length else ""))
    if "ACK" in said["flags"]:
        words.append(f"acknowledges {said['acknowledgement']}")
    words.append(f"window {said['window']}")
    return ", ".join(words)


def fields(frame: bytes) -> list[Field]:
    """Dissect any bytes for display: every byte of `frame` lies in exactly one field."""
    found, at = [], 0
    for name, length, told in _layout(frame):
        value = frame[at : at + length]
        if value:
            found.append((name, at, len(value), told(value)))
        at += len(value)
    return found


# Values in words


def _decimal(value: bytes) -> str:
    return str(int.from_bytes(value, "big"))


def _hexadecimal(value: bytes) -> str:
    return f"0x{value.hex()}"


def _mac(value: bytes) -> str:
    return value.hex(":")


def _address(value: bytes) -> str:
    return ".".join(map(str, value))


def _flags(value: bytes) -> str:
    return " ".join(word for word, bit in FLAGS.items() if value[0] & bit) or "none"


def _words_of_four(value: bytes) -> str:
    return f"{4 * (value[0] >> 4)} bytes"


def _version(value: bytes) -> str:
    return f"{value[0] >> 4}, a header of {4 * (value[0] & 15)} bytes"


def _count(value: bytes) -> str:
    return f"{len(value)} bytes"


def _options(value: bytes) -> str:
    try:
        return str(Options.parse(value)) or "fillers"
    except PacketError:
        return value.hex(" ")


def _shown(value: bytes) -> str:
    text = value[:64].decode("latin-1")
    more = " …" if len(value) > 64 else ""
    return (repr(text) if text.isascii() and text.isprintable() else value[:16].hex(" ")) + more


# Layouts: names, lengths, and how to tell values

Layout = Sequence[tuple[str, int, Callable[[bytes], str]]]

_ETHERNET: Layout = (("destination", 6, _mac), ("source", 6, _mac), ("type", 2, _hexadecimal))
_ARP: Layout = (
    *(("hardware", 2, _decimal), ("protocol", 2, _hexadecimal), ("its length", 1, _decimal)),
    *(("length of the other", 1, _decimal), ("operation", 2, _decimal)),
    *(("my address", 6, _mac), ("my IP", 4, _address), ("its address", 6, _mac), ("its IP", 4, _address)),
)
_IP: Layout = (
    *(("version", 1, _version), ("service", 1, _hexadecimal), ("length", 2, _decimal)),
    *(("identification", 2, _decimal), ("fragment", 2, _hexadecimal), ("time to live", 1, _decimal)),
    *(("protocol", 1, _decimal), ("checksum", 2, _hexadecimal), ("from", 4, _address), ("to", 4, _address)),
)
_TCP: Layout = (
    *(("port", 2, _decimal), ("to port", 2, _decimal), ("sequence", 4, _decimal), ("acknowledgement", 4, _decimal)),
    *(("header", 1, _words_of_four), ("flags", 1, _flags), ("window", 2, _decimal)),
    *(("checksum of all", 2, _hexadecimal), ("urgent", 2, _decimal)),
)
_UDP: Layout = (
    *(("port", 2, _decimal), ("to port", 2, _decimal)),
    *(("length of all", 2, _decimal), ("checksum of all", 2, _hexadecimal)),
)
_ICMP: Layout = (
    *(("type of message", 1, _decimal), ("code", 1, _decimal)),
    *(("checksum of all", 2, _hexadecimal), ("rest", 4, _hexadecimal)),
)


def _layout(frame: bytes) -> Iterator[tuple[str, int, Callable[[bytes], str]]]:
    yield from _ETHERNET
    protocol = _protocol(frame)
    if _number(frame, 12, 2) == ARP:
        yield from (*_ARP, ("padding", len(frame), _count))
        return
    if protocol in (TCP, UDP, ICMP):
        yield from (*_IP, ("IP options", _transport(frame) - ETHERNET - LEAST_IP, _shown))
        yield from {TCP: _TCP, UDP: _UDP, ICMP: _ICMP}[protocol]
        begin, length = _payload(frame)
        if protocol == TCP:
            yield "options", max(0, begin - _transport(frame) - LEAST_TCP), _options
        yield from (("payload", length, _shown), ("padding", len(frame), _count))
        return
    yield "data", len(frame), _shown


def _number(frame: bytes, at: int, length: int) -> int:
    return int.from_bytes(frame[at : at + length], "big")


_LEAST = {TCP: LEAST_TCP, UDP: 8, ICMP: 8}


def _protocol(frame: bytes) -> int:
    """What an IPv4 packet carries; -1 where there is none, or not even its header fits."""
    if len(frame) < ETHERNET + LEAST_IP or _number(frame, 12, 2) != IPV4 or frame[14] >> 4 != 4 or frame[14] & 15 < 5:
        return -1
    protocol = frame[23]
    return protocol if len(frame) >= _transport(frame) + _LEAST.get(protocol, 0) else -1


def _transport(frame: bytes) -> int:
    """Where the header behind IPv4's begins."""
    return ETHERNET + 4 * (frame[14] & 15)


def _payload(frame: bytes) -> tuple[int, int]:
    """Where the payload begins, of TCP, UDP or ICMP, and its length: what lies behind IP's length is padding."""
    at = _transport(frame)
    begin = at + (4 * (frame[at + 12] >> 4) if frame[23] == TCP else 8)
    return begin, max(0, min(len(frame), ETHERNET + _number(frame, 16, 2)) - begin)
