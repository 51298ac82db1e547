"""Packets as values: one file per header, each with its layout, its parser and its builder.

What always holds: `parse` raises `PacketError` and nothing else, whatever the bytes; `parse(build(x)) == x`. Checksums
are made and verified. Payloads are `bytes`, never views into a buffer that somebody may reuse.

A value that came out of `parse` is valid, for no field of n bits can hold more. One made by hand is checked when it is
built: `struct` refuses what does not fit for nothing, where a constructor would ask again for every field of every
packet received. Nothing leaves the machine unbuilt, and nothing that is built is out of range.

The constants that belong to a header stay in its module: `ethernet.ARP`, `icmp.PORT_UNREACHABLE`, `udp.PROTOCOL`.
"""

from netstack.packets.arp import Arp
from netstack.packets.error import PacketError
from netstack.packets.ethernet import Ethernet
from netstack.packets.icmp import Icmp
from netstack.packets.ipv4 import CE, ECT0, ECT1, NOT_ECT, IPv4, number, text
from netstack.packets.tcp import ACK, CWR, ECE, FIN, NO_OPTIONS, PSH, RST, SYN, URG, Options, Tcp
from netstack.packets.udp import Udp

__all__ = [
    "ACK",
    "CE",
    "CWR",
    "ECE",
    "ECT0",
    "ECT1",
    "FIN",
    "NOT_ECT",
    "NO_OPTIONS",
    "PSH",
    "RST",
    "SYN",
    "URG",
    "Arp",
    "Ethernet",
    "IPv4",
    "Icmp",
    "Options",
    "PacketError",
    "Tcp",
    "Udp",
    "number",
    "text",
]
