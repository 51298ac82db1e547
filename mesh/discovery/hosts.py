"""The hosts file: a list of names and addresses that somebody keeps by hand, and copies to everybody.

    # address     names
    10.0.0.2      players
    10.0.0.3      players players.spare

It says where a host is, and nothing else: no port (a *convention* says 8080), no attributes, no word on whether anybody
is there. The internet ran on one such file until 1983 (RFC 952, fetched from SRI by all). A copy is as stale as the
last round of copying; the file itself is looked at each second here, so what is measured is the copying alone.
"""

import ipaddress
import random
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import trio

from mesh.discovery import EVERYWHERE, CannotDiscover, Found
from mesh.discovery.following import SourceFailed, chance, followed
from mesh.instances import Instance

PORT = 8080
"""Where everybody's services listen. That it works is a convention, and no more."""


class HostsError(ValueError):
    """A line of a hosts file that says nothing that could be understood."""


def parse_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """The addresses of each name, in the order of their lines; raises `HostsError`."""
    hosts: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        address, *names = words
        if not _is_address(address):
            raise HostsError(f"line {number}: {address!r} is no IP address; write the address first, then its names")
        if not names:
            raise HostsError(f"line {number}: {address} has no name")
        for name in names:
            hosts[name] = (*hosts.get(name, ()), address)
    return hosts


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Hosts:
    """Discovery by the hosts file at `path`, looked at again each `every` seconds."""

    path: str | Path
    port: int = PORT
    every: float = 1.0
    randomness: random.Random = field(default_factory=chance)

    def watch(self, service: str, query: Mapping[str, str] = EVERYWHERE) -> AbstractAsyncContextManager[Found]:
        """The addresses of the name `service`; raises `CannotDiscover`, also for any query."""
        if query:
            raise CannotDiscover(f"a hosts file knows no attributes: {', '.join(query)} cannot be asked for")

        async def follow(found: Found) -> NoReturn:
            read_as = None
            while True:
                is_now = self._stamp()
                if is_now != read_as:
                    found.answered(self._read(service))
                    read_as = is_now
                found.at = trio.current_time()
                await trio.sleep(self.every)

        return followed(follow, self.randomness)

    def _stamp(self) -> tuple[int, int, int]:
        """What changes whenever the file does: when, whether it is another file under the name, and how long it is."""
        try:
            is_now = Path(self.path).stat()
        except OSError as error:
            raise SourceFailed(f"{self.path}: {error.strerror}") from None
        return is_now.st_mtime_ns, is_now.st_ino, is_now.st_size

    def _read(self, service: str) -> list[Instance]:
        try:
            hosts = parse_hosts(Path(self.path).read_text(encoding="utf-8"))
        except OSError as error:
            raise SourceFailed(f"{self.path}: {error.strerror}") from None
        except ValueError as error:
            raise SourceFailed(f"{self.path}: {error}") from None
        return [Instance(service, address, address, self.port) for address in dict.fromkeys(hosts.get(service, ()))]
