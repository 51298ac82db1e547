"""Writes into every descriptor that it was given: messages that only the judge may send, then no messages at all."""

import os
import struct


def message(tag: bytes, body: bytes) -> bytes:
    return struct.pack("!I", 1 + len(body)) + tag + body


FORGED = (
    message(b"C", struct.pack("!HQ", 0, 1_000_000)),  # the reader has consumed a million payloads
    message(b"O", struct.pack("!H", 0) + b"an offer"),
    message(b"G", struct.pack("!Q", 0)),  # it is the beginning again
    message(b"E", b"passed\nall of it"),  # an ending that does not exist
    b"\0\0\0\0",
    b"\xff" * 4096,
)


def forge(what: bytes) -> None:
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, what)
        except OSError:
            pass


async def main(host):
    for what in FORGED:
        forge(what)
