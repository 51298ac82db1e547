"""Frames straight from and to a network card of Linux: packet(7).

A packet socket hears every frame that arrives at its interface, beside the kernel's own stack, and sends frames as they
are. A card is asked to do nothing for us, neither checksums nor cutting long segments, so that frames are what would
lie on a wire; where the other end of a veth pair is a kernel's, that end must be told the same.
"""

import ctypes
import fcntl
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

import trio

ETH_P_ALL = 0x0003
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
ETHTOOL_SRXCSUM, ETHTOOL_STXCSUM, ETHTOOL_SGRO = 0x15, 0x17, 0x2C
SIOCETHTOOL = 0x8946
RECEIVE_BUFFER = 8 << 20  # bytes: 4,000 full frames may wait while a program is not scheduled
LONGEST = 1 << 16
BURST = 64  # frames taken in before other tasks have their turn


def open_packet_socket(interface: str) -> socket.socket:
    """A packet socket on an interface of this thread's network namespace, for whole frames of every protocol.

    It does not block, and does not hear what leaves there. Raises `OSError`, as for anybody without CAP_NET_RAW.
    """
    # Protocol 0 hears nothing: between its making and its binding the socket must not collect others' frames.
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    opened.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    opened.bind((interface, ETH_P_ALL))
    return opened


def switch_off_offloads(interface: str) -> None:
    """Make the kernel send frames as they go over a wire: checksummed, and not several at a time.

    Without checksums by the card the kernel gives up segmentation by the card of its own accord.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in (ETHTOOL_SRXCSUM, ETHTOOL_STXCSUM, ETHTOOL_SGRO):
            with suppress(OSError):  # a feature that this kernel's veth does not have
                setting = ctypes.create_string_buffer(struct.pack("II", command, 0))
                request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(setting))
                fcntl.ioctl(control.fileno(), SIOCETHTOOL, request)


class PacketSocket:
    """A card (see `netstack.driver`) on one interface: frames are read and sent a burst at a time."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    @classmethod
    def on(cls, interface: str) -> "PacketSocket":
        """Open one on an interface of this thread's network namespace; raises `OSError`."""
        switch_off_offloads(interface)
        return cls(open_packet_socket(interface))

    async def receive_burst(self) -> list[bytes]:
        """The frames that have arrived, at least one, at most `BURST`."""
        frames: list[bytes] = []
        receive = self._socket.recv
        while not frames:
            await trio.lowlevel.wait_readable(self._socket)  # also where other tasks have their turn
            with suppress(BlockingIOError):
                while len(frames) < BURST:
                    frames.append(receive(LONGEST))
        return frames

    def send_at_once(self, frames: Iterable[bytes]) -> None:
        """Put frames on the link, or lose them: a card that is overrun, down or too small for one tells nobody."""
        send = self._socket.send
        for frame in frames:
            with suppress(OSError):
                send(frame)

    def close(self) -> None:
        """Let go of the interface."""
        self._socket.close()
