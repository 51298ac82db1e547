"""The frames of this lab, described to scapy.

Ether(dst="ff:ff:ff:ff:ff:ff") / Downstack(kind="who-has", station=b"players")
Ether(frame)[Downstack].show()
"""

from scapy.fields import ByteEnumField, ByteField, ConditionalField, FieldLenField, StrFixedLenField, StrLenField
from scapy.layers.l2 import Ether
from scapy.packet import Packet, bind_layers

KINDS = {1: "who-has", 2: "I-am", 3: "ask", 4: "answer"}


def _is_of_names(packet):
    return packet.kind in (1, 2)


def _is_of_conversations(packet):
    return packet.kind in (3, 4)


class Downstack(Packet):
    """What follows the Ethernet header; `station` is the name, which scapy keeps for itself."""

    name = "Downstack"
    fields_desc = [
        ByteEnumField("kind", 3, KINDS),
        ConditionalField(StrFixedLenField("station", b"", 16), _is_of_names),
        ConditionalField(ByteField("conversation", 1), _is_of_conversations),
        ConditionalField(FieldLenField("length", None, length_of="data", fmt="!H"), _is_of_conversations),
        ConditionalField(StrLenField("data", b"", length_from=lambda packet: packet.length), _is_of_conversations),
    ]

    def extract_padding(self, rest):
        """Nothing follows this layer: the rest is what the card filled up with."""
        return b"", rest


bind_layers(Ether, Downstack, type=0x88B5)
