"""Prints without end, in one line, to both of its outputs, while it goes on with its work."""

import sys

import trio


async def main(host):
    while True:
        sys.stdout.write("and so on, " * 10_000)
        sys.stderr.write("and so on, " * 10_000)
        await trio.sleep(0.001)
