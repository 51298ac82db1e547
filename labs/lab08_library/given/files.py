"""Hands over files of yours, as they are: people name them, and get the bytes. Nothing of yours is run for it."""

import sys
from pathlib import Path


async def main(host):
    async for name in host.app:
        places = (Path(folder, name.decode()) for folder in sys.path)
        host.app.send_nowait(next((place.read_bytes() for place in places if place.is_file()), b""))
