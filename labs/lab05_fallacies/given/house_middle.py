"""What stands in the middle of the house: a hub, which says on every line what it has heard on another.

It counts bytes, and sends a bill each second. Two people have a say in what it lets through: north, whose is the line
to a, and south, whose is the line to b. Each has a list of rules, the first that fits a packet decides. And no line
takes a frame that is longer than it carries, neither from the hub nor from its host.
"""

from collections import Counter

import trio

from netstack.packets import Ethernet, IPv4, PacketError, Tcp, text
from netstack.packets.ethernet import IPV4

LINES = "abc"


async def main(host):
    middle = Middle(host)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(middle.send_bills)
        for number in range(len(LINES)):
            nursery.start_soon(middle.repeat, number)


class Middle:
    """The hub, its meter, its two administrators."""

    def __init__(self, host) -> None:
        self._links = host.links
        self._logs = host.apps
        self._settings = host.arguments
        self._frames: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._decided: set[tuple[object, ...]] = set()
        for line, longest in self._settings["longest"].items():
            self._tell("lines", f"line {line}: frames of up to {longest} bytes")

    async def repeat(self, number: int) -> None:
        """Say on the other lines what comes on this one."""
        line = LINES[number]
        async for frame in self._links[number]:
            if not self._fits(line, frame):
                continue
            self._count(line, frame)
            if self._passes(line, frame):
                for other, link in zip(LINES, self._links, strict=True):
                    if other != line and self._fits(other, frame) and self._passes(other, frame):
                        self._count(other, frame)
                        await link.send(frame)

    async def send_bills(self) -> None:
        """A bill for each line and second in which it carried anything, and one for all at the end."""
        total_frames, total_bytes = Counter(), Counter()
        begun = trio.current_time()
        for second in range(1, self._settings["seconds"] + 1):
            await trio.sleep_until(begun + second)
            for line in sorted(self._frames):
                self._tell("bill", f"line {line}, second {second}: {_counted(self._frames[line], self._bytes[line])}")
            total_frames += self._frames
            total_bytes += self._bytes
            self._frames.clear()
            self._bytes.clear()
        for line in LINES:
            self._tell("bill", f"line {line}, in all: {_counted(total_frames[line], total_bytes[line])}")

    def _count(self, line: str, frame: bytes) -> None:
        self._frames[line] += 1
        self._bytes[line] += len(frame)

    def _fits(self, line: str, frame: bytes) -> bool:
        fits = len(frame) <= self._settings["longest"][line]
        if not fits:
            self._tell("lines", f"line {line}: a frame of {len(frame)} bytes does not fit, and is thrown away")
        return fits

    def _passes(self, line: str, frame: bytes) -> bool:
        """Whether whoever has a say on this line lets it through."""
        heard = _tcp_in(frame)
        for name, owned, rules in self._settings["policies"]:
            if owned == line and heard is not None:
                rule = next(each for each in rules if _is_about(each, *heard, len(frame)))
                self._decide(name, rule, *heard)
                if rule["does"] == "refuses":
                    return False
        return True

    def _decide(self, name: str, rule, packet: IPv4, segment: Tcp) -> None:
        """Log a decision, once for each connection."""
        ends = sorted([(packet.source, segment.source_port), (packet.destination, segment.destination_port)])
        decision = name, rule["number"], *ends
        if decision not in self._decided:
            self._decided.add(decision)
            between = " and ".join(f"{text(address)}:{port}" for address, port in ends)
            self._tell("policy", f"{name}, rule {rule['number']}, {rule['says']}: {rule['does']} {between}")

    def _tell(self, log: str, line: str) -> None:
        self._logs[log].send_nowait(line.encode())


def _is_about(rule, packet: IPv4, segment: Tcp, length: int) -> bool:
    if rule["port"] and rule["port"] not in (segment.source_port, segment.destination_port):
        return False
    if rule["stranger_to"] in (text(packet.source), text(packet.destination)):
        return False
    return rule["holds"].encode() in segment.payload and length > rule["longer"]


def _tcp_in(frame: bytes) -> tuple[IPv4, Tcp] | None:
    try:
        ethernet = Ethernet.parse(frame)
        if ethernet.type != IPV4:
            return None
        packet = IPv4.parse(ethernet.payload)
        return packet, Tcp.parse(packet.payload, packet.source, packet.destination)
    except PacketError:
        return None


def _counted(frames: int, octets: int) -> str:
    return f"{frames} frames, {octets} bytes, {octets / 1000:.2f} cents"
