"""Names of hosts, as trio asks for them: a hosts file for one program, wherever its sockets come from."""

import socket as stdlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import trio
from trio.abc import HostnameResolver


@dataclass(slots=True)
class Names(HostnameResolver):
    """Finds hosts in `addresses`: IPv4 addresses by name, in small letters. Nobody else is asked."""

    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def install(self) -> None:
        """Replace trio's resolver, for the present run."""
        trio.socket.set_custom_hostname_resolver(self)

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002 - trio's name
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """Look `host` up; raises `socket.gaierror`. (Trio asks for names only, and knows what to do with numbers.)"""
        await trio.lowlevel.checkpoint()
        name = (host or b"").decode("ascii", "replace").rstrip(".").lower()
        found = self.addresses.get(name) or (["127.0.0.1"] if name == "localhost" else [])
        if not found or family not in (0, stdlib.AF_INET):
            raise stdlib.gaierror(stdlib.EAI_NONAME, f"no host is called {name!r} here")
        numeric = flags | stdlib.AI_NUMERICHOST
        answers = (stdlib.getaddrinfo(address, port, stdlib.AF_INET, type, proto, numeric) for address in found)
        return list(chain.from_iterable(answers))

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        """The name of an address, or the address itself."""
        await trio.lowlevel.checkpoint()
        address, port = sockaddr[:2]
        named = (name for name, addresses in self.addresses.items() if address in addresses)
        return (address if flags & stdlib.NI_NUMERICHOST else next(named, address)), str(port)
