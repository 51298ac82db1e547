"""The frames of this lab, described to scapy.

So far scapy knows of one field only, and nothing tells it when to expect this layer. The handout, step 7, says how to
describe the rest.
"""

from scapy.fields import ByteField
from scapy.layers.l2 import Ether
from scapy.packet import Packet


class Downstack(Packet):
    """What follows the Ethernet header."""

    name = "Downstack"
    fields_desc = [
        ByteField("kind", 3),
    ]
