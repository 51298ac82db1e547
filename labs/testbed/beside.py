"""A host of our own beside the kernel's: a veth pair, one end for a packet socket, the other for Linux's own TCP/IP.

Both ends lie in namespaces of their own, so this wants an enclave, or root. Offloads are off: what passes between them
is what would lie on a wire.
"""

import random
import socket

from labs.testbed.namespace import Namespace
from netstack.host import Host, Interface
from netstack.link.packet_socket import open_packet_socket, switch_off_offloads
from netstack.packets import number
from netstack.tcp import Settings

OURS, KERNELS = "10.0.0.1", "10.0.0.2"
MAC = bytes((2, 0, 0, 0, 1, 0))
CARD = "eth0"


class Beside:
    """The two namespaces, `ours` and `kernels`, each with its end of the pair, called eth0."""

    def __init__(self) -> None:
        self.ours, self.kernels = Namespace(ipv6=False), Namespace(ipv6=False)
        descriptor = self.kernels.descriptor
        self.ours.links.add_veth(CARD, CARD, peer_namespace=descriptor, address=MAC.hex(":"))
        self.ours.links.change(CARD, arp=False)
        self.kernels.links.change(CARD, up=True)
        self.kernels.links.add_address(CARD, f"{KERNELS}/24")
        for space in (self.ours, self.kernels):
            with space.entered():
                switch_off_offloads(CARD)

    def open_card(self) -> socket.socket:
        """A packet socket at our end."""
        with self.ours.entered():
            return open_packet_socket(CARD)

    def give_to_the_kernel(self) -> None:
        """Let our end, too, be the kernel's: what we are compared with."""
        self.ours.links.change(CARD, arp=True)
        self.ours.links.add_address(CARD, f"{OURS}/24")


def host_of_our_own(settings: Settings = Settings()) -> Host:  # noqa: B008 - frozen
    """Our host at `OURS`."""
    return Host(interfaces=[Interface(CARD, MAC, number(OURS), 24)], randomness=random.Random(1), settings=settings)
