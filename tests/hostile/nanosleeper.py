"""Sleeps for a nanosecond, for ever: always busy, never spinning."""

import itertools

import trio


async def main(host):
    for _ in itertools.count():
        await trio.sleep(1e-9)
