"""Following a source that may fail: what all sources of discovery have in common.

Each source has a way to *follow* it: a loop that tells `Found` whatever the source says, until the source fails. Then
`Found` says so and keeps what it has, and after a while the source is followed anew. The while grows, and is drawn by
chance: when a registry comes back, its thousand clients must not all be there in the same moment.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NoReturn

import trio

from mesh.beside import beside
from mesh.discovery import CannotDiscover, Found
from mesh.policies.backoff import Backoff

AGAIN = Backoff(first=1.0, most=10.0, jitter="equal")
"""How long a source that has failed is left alone: ½ to 1 s at first, 5 to 10 s in the end."""


class SourceFailed(Exception):
    """The source does not answer, or not what was asked for."""


Follow = Callable[[Found], Awaitable[NoReturn]]
"""Tells `Found` what the source says, for ever; raises `SourceFailed`."""


@asynccontextmanager
async def followed(follow: Follow, randomness: random.Random) -> AsyncIterator[Found]:
    """What `Discovery.watch` does, for one source; raises `CannotDiscover`."""
    found = Found()

    async def keep_following() -> None:
        tries = 0
        while True:
            before = found.at
            try:
                await follow(found)
            except SourceFailed as failure:
                found.failed(str(failure))
            tries = tries + 1 if found.at == before else 1
            await trio.sleep(AGAIN.wait(tries, randomness=randomness))

    async with beside(keep_following):
        await found.heard()
        if found.failure:
            raise CannotDiscover(found.failure)
        yield found


def chance() -> random.Random:
    """Randomness for whoever was given none: as seeded, or not, as Python's own is."""
    return random.Random(random.getrandbits(64))
