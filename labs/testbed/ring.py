"""Frames from a socket, a burst at a time: from a packet socket's ring, or from a byte pipe."""

import ctypes
import mmap
import os
import socket
import struct
from array import array
from contextlib import suppress

from labs.testbed import kernel

BURST = 128  # frames taken in at once, so that one busy direction does not starve the others

SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, TPACKET_V2 = 263, 5, 6, 10, 1
SECOND = 1_000_000_000


class Ring:
    """Slots for frames, which the kernel fills as they arrive at a packet socket, and sends from.

    This is PACKET_RX_RING in its second version (packet(7), linux/if_packet.h): memory shared with the kernel, in which
    every slot begins with a header: who owns the slot, the frame's length, the time. Reading a field of many slots is
    one slice with a stride, so that Python's work is by the burst and not by the frame.
    """

    OWNER, LENGTH, SECONDS, NANOSECONDS = 0, 1, 4, 5  # 4-byte words of struct tpacket2_hdr
    FRAME = 66  # bytes from the beginning of a slot to the frame, where the frame's own header has 14

    def __init__(self, source: socket.socket, slots: int, longest: int) -> None:
        self.slots = slots
        self.next = 0
        self._source = source
        self._size = 1 << (self.FRAME + longest).bit_length()  # so that slots fill pages
        block = max(self._size, os.sysconf("SC_PAGE_SIZE"))
        shape = struct.pack("4I", block, slots * self._size // block, self._size, slots)
        source.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        source.setsockopt(SOL_PACKET, PACKET_RX_RING, shape)
        self._memory = mmap.mmap(source.fileno(), slots * self._size)
        self._bytes = memoryview(self._memory)
        self._words = self._bytes.cast("I")
        self._kernels = memoryview(bytes(4 * BURST)).cast("I")
        self._prepare_to_send()

    def take(self, most: int) -> range:
        """The slots of the frames that have arrived since: at most a burst of them, all in a row."""
        slots = range(self.next, self.next + min(most, BURST, self.slots - self.next))
        owners = self._field(self.OWNER, slots).tolist()
        if 0 in owners:
            slots = slots[: owners.index(0)]
        self.next = slots.stop % self.slots
        return slots

    def lengths(self, slots: range) -> list[int]:
        """The lengths of the frames in these slots, also where a slot was too short for all of it."""
        return self._field(self.LENGTH, slots).tolist()

    def stamps(self, slots: range) -> list[int]:
        """When the kernel received each of them."""
        seconds, rest = self._field(self.SECONDS, slots).tolist(), self._field(self.NANOSECONDS, slots).tolist()
        return [whole * SECOND + part for whole, part in zip(seconds, rest, strict=True)]

    def free(self, slots: range) -> None:
        """Give slots, at most a burst of them, back to the kernel."""
        self._field(self.OWNER, slots)[:] = self._kernels[: len(slots)]

    def burst(self, _now: int) -> list[tuple[int, bytes]]:
        """Copies of the frames that have arrived since, with their times; their slots are free again."""
        slots = self.take(BURST)
        begins = range(slots.start * self._size + self.FRAME, slots.stop * self._size, self._size)
        frames = [
            self._bytes[at : at + length].tobytes() for at, length in zip(begins, self.lengths(slots), strict=True)
        ]
        stamped = list(zip(self.stamps(slots), frames, strict=True))
        self.free(slots)
        return stamped

    def missed(self) -> int:
        """How many frames found no free slot since this was last asked."""
        _, dropped = struct.unpack("II", self._source.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        return int(dropped)

    def send(self, target: int, slots: range) -> None:
        """Send the frames in these slots. One that the kernel will not take is lost, as on a real card."""
        self._lengths_to_send[slots.start : slots.stop] = array("Q", self.lengths(slots))
        slot = slots.start
        while slot < slots.stop:
            header = ctypes.c_void_p(self._first_header + 64 * slot)
            slot += max(1, self._sendmmsg(target, header, slots.stop - slot, socket.MSG_DONTWAIT))

    def _field(self, field: int, slots: range) -> memoryview:
        words = self._size // 4
        return self._words[slots.start * words + field : slots.stop * words : words]

    def _prepare_to_send(self) -> None:
        """Lay out a `struct mmsghdr` and a `struct iovec` for each slot: arrays of 8-byte words that stay in place."""
        self._headers, self._vectors = (ctypes.c_uint64 * (self.slots * 8))(), (ctypes.c_uint64 * (self.slots * 2))()
        first_frame = ctypes.addressof(ctypes.c_char.from_buffer(self._memory)) + self.FRAME
        self._first_header, first_vector = ctypes.addressof(self._headers), ctypes.addressof(self._vectors)
        for slot in range(self.slots):
            self._vectors[2 * slot] = first_frame + slot * self._size
            self._headers[8 * slot + 2 : 8 * slot + 4] = [first_vector + 16 * slot, 1]
        self._lengths_to_send = memoryview(self._vectors).cast("B").cast("Q")[1::2]
        self._sendmmsg = kernel.libc().sendmmsg


class Pipe:
    """Frames from a Unix socket, stamped when they are read."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source

    def missed(self) -> int:
        """Nobody can send into a pipe that is full."""
        return 0

    def burst(self, now: int) -> list[tuple[int, bytes]]:
        """The next frames, at most a burst of them."""
        frames: list[tuple[int, bytes]] = []
        with suppress(OSError):
            while len(frames) < BURST and (frame := self._source.recv(1 << 16, socket.MSG_DONTWAIT)):
                frames.append((now, frame))
        return frames
