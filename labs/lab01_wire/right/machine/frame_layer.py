"""The length is filled in after building, as scapy's older layers do it."""

from scapy.fields import ByteEnumField, ConditionalField, ShortField, StrFixedLenField, XByteField, XStrLenField
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Padding, bind_layers


def talks(field):
    return ConditionalField(field, lambda packet: packet.kind > 2)


class Downstack(Packet):
    name = "the frames of lab 1"
    fields_desc = [
        ByteEnumField("kind", 4, {1: "who-has", 2: "I-am", 3: "ask", 4: "answer"}),
        ConditionalField(StrFixedLenField("station", bytes(16), length=16), lambda packet: packet.kind < 3),
        talks(XByteField("conversation", 1)),
        talks(ShortField("length", None)),
        talks(XStrLenField("data", b"", length_from=lambda packet: packet.length)),
    ]

    def post_build(self, built, payload):
        if self.kind > 2 and self.length is None:
            built = built[:2] + (len(built) - 4).to_bytes(2, "big") + built[4:]
        return built + payload

    def guess_payload_class(self, payload):
        return Padding


bind_layers(Ether, Downstack, {"type": 0x88B5})
