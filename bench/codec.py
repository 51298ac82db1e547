"""Ethernet, IPv4 and TCP as bytes and as values: ours beside scapy and dpkt, each used as its documentation shows.

All start from fields and end at fields. All make every checksum, and their frames are compared byte by byte before
anything is timed. Only ours verifies checksums when it parses; scapy and dpkt believe what they read, and dpkt leaves
TCP's options as bytes. Time is the processor's, so that what else the machine does counts for little.
"""

import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from bench.rows import Row
from netstack.packets import ACK, NO_OPTIONS, PSH, Ethernet, IPv4, Options, Tcp, ethernet, number, tcp

OVER = {"scapy": 100, "dpkt": 4}  # times as many packets a second, built and parsed, with 64 B
IMPORT = 0.15  # s
SHORT, FULL = bytes(range(64)), bytes(1446)  # payloads
STAMPS = 7_000_000, 8_000_000

Codec = tuple[Callable[[], bytes], Callable[[bytes], object]]
"""How to build the one frame that is compared, and how to parse it."""

_SOURCE, _TARGET = "10.0.0.1", "10.0.0.2"
_SOURCE_MAC, _TARGET_MAC = bytes.fromhex("020000000100"), bytes.fromhex("020000000200")
_PORT, _TARGET_PORT, _SEQUENCE, _ACKNOWLEDGEMENT, _WINDOW = 40000, 80, 3_000_000_000, 1_000_000, 502


def rows(quick: bool) -> Iterable[Row]:
    """Packets a second, built, parsed, and both; then the time that an import takes."""
    seconds, rounds = (0.15, 5) if quick else (0.5, 9)
    for what, payload, stamped in (
        ("64 B", SHORT, False),
        ("64 B and timestamps", SHORT, True),
        ("1446 B", FULL, False),
    ):
        goals = OVER if what == "64 B" else {}
        yield from _compared(f"Ethernet/IPv4/TCP, {what}", _codecs(payload, stamped), goals, seconds, rounds)
    yield _import_time(rounds)


def _codecs(payload: bytes, stamped: bool) -> dict[str, Codec | None]:
    """Those that are installed, and proved to make the same frame; None for those that are missing."""
    codecs: dict[str, Codec | None] = {
        name: made(payload, stamped) if importlib.util.find_spec(name.replace("ours", "netstack")) else None
        for name, made in (("ours", _ours), ("scapy", _scapy), ("dpkt", _dpkt))
    }
    frames = {name: codec[0]().hex() for name, codec in codecs.items() if codec}
    if len(set(frames.values())) != 1:
        raise RuntimeError(f"the codecs disagree about one and the same frame: {frames}")
    return codecs


def _compared(
    what: str, codecs: Mapping[str, Codec | None], goals: Mapping[str, float], seconds: float, rounds: int
) -> Iterator[Row]:
    """In turns, so that what else the machine does is shared fairly."""
    taken: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for name, codec in codecs.items():
            for task, measured in _tasks(codec) if codec else ():
                taken.setdefault((name, task), []).append(_rate(measured, seconds / 3))
    rate = {key: statistics.median(rates) for key, rates in taken.items()}
    for peer in ("scapy", "dpkt"):
        for task in ("build", "parse", "both"):
            yield Row(
                what=f"{what}: {task}",
                ours=rate["ours", task],
                unit="packets/s",
                peer_name=peer,
                peer=rate.get((peer, task)),
                goal=goals.get(peer) if task == "both" else None,
                note="" if codecs[peer] else f"{peer} is not installed",
            )


def _tasks(codec: Codec) -> Iterator[tuple[str, Callable[[], object]]]:
    build, parse = codec
    frame = build()
    yield "build", build
    yield "parse", lambda: parse(frame)
    yield "both", lambda: parse(build())


def _rate(measured: Callable[[], object], seconds: float) -> float:
    """How often a second of the processor's time."""
    done, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        for _ in range(20):
            measured()
        done += 20
    return done / spent


def _ours(payload: bytes, stamped: bool) -> Codec:
    source, target = number(_SOURCE), number(_TARGET)

    def build() -> bytes:
        options = Options(timestamps=STAMPS) if stamped else NO_OPTIONS
        segment = Tcp(_PORT, _TARGET_PORT, _SEQUENCE, _ACKNOWLEDGEMENT, PSH | ACK, _WINDOW, payload, options)
        packet = IPv4(source, target, tcp.PROTOCOL, segment.build(source, target))
        return Ethernet(_TARGET_MAC, _SOURCE_MAC, ethernet.IPV4, packet.build()).build()

    def parse(frame: bytes) -> Tcp:
        packet = IPv4.parse(Ethernet.parse(frame).payload)
        return Tcp.parse(packet.payload, packet.source, packet.destination)

    return build, parse


def _scapy(payload: bytes, stamped: bool) -> Codec:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether

    def build() -> bytes:
        packet = (
            Ether(dst=_TARGET_MAC.hex(":"), src=_SOURCE_MAC.hex(":"))
            / IP(src=_SOURCE, dst=_TARGET, id=0, flags="DF")
            / TCP(
                sport=_PORT,
                dport=_TARGET_PORT,
                seq=_SEQUENCE,
                ack=_ACKNOWLEDGEMENT,
                flags="PA",
                window=_WINDOW,
                options=[("NOP", None), ("NOP", None), ("Timestamp", STAMPS)] if stamped else [],
            )
            / payload
        )
        return bytes(packet)

    return build, Ether


def _dpkt(payload: bytes, stamped: bool) -> Codec:
    import dpkt

    source, target = (number(address).to_bytes(4, "big") for address in (_SOURCE, _TARGET))
    options = Options(timestamps=STAMPS).build() if stamped else b""

    def build() -> bytes:
        segment = dpkt.tcp.TCP(
            sport=_PORT,
            dport=_TARGET_PORT,
            seq=_SEQUENCE,
            ack=_ACKNOWLEDGEMENT,
            flags=dpkt.tcp.TH_PUSH | dpkt.tcp.TH_ACK,
            win=_WINDOW,
            off=(20 + len(options)) // 4,
            opts=options,
            data=payload,
        )
        packet = dpkt.ip.IP(src=source, dst=target, p=dpkt.ip.IP_PROTO_TCP, df=1, data=segment)
        return bytes(dpkt.ethernet.Ethernet(dst=_TARGET_MAC, src=_SOURCE_MAC, data=packet))

    return build, dpkt.ethernet.Ethernet


def _import_time(rounds: int) -> Row:
    """In a fresh interpreter each time, compiled files in place; the processor's time here too."""
    script = "import time; began = time.process_time(); import netstack.packets; print(time.process_time() - began)"
    taken = [
        float(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60).stdout)
        for _ in range(rounds)
    ]
    ours = statistics.median(taken)
    return Row(what="import netstack.packets", ours=ours, unit="s", goal=IMPORT, smaller_is_better=True)
