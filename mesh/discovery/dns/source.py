"""Discovery by DNS: a name asked for again whenever its time is over."""

import random
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, NoReturn

import trio
from dns.rdtypes.IN.SRV import SRV

from mesh.discovery import EVERYWHERE, CannotDiscover, Found
from mesh.discovery.dns.cache import DnsError
from mesh.discovery.dns.resolver import Resolver
from mesh.discovery.following import SourceFailed, chance, followed
from mesh.discovery.hosts import PORT
from mesh.instances import Instance

SOONEST = 1.0
"""Seconds between two questions, at least, also for a TTL of 0."""


@dataclass(frozen=True, slots=True)
class Dns:
    """Where `resolver` finds the names of `domain`, by address records and a convention, or by SRV records.

    players of example. is asked for as `players.example.` (A; everybody listens at `port`), or as
    `_players._tcp.example.` (SRV; each says its own port). Of SRV records those of the best priority are used; their
    weight is the attribute `weight`.
    """

    resolver: Resolver
    domain: str = ""
    by: Literal["A", "SRV"] = "A"
    port: int = PORT
    randomness: random.Random = field(default_factory=chance)

    def watch(self, service: str, query: Mapping[str, str] = EVERYWHERE) -> AbstractAsyncContextManager[Found]:
        """Who has the name of `service`; raises `CannotDiscover`, also for any query."""
        if query:
            raise CannotDiscover(f"DNS knows no attributes: {', '.join(query)} cannot be asked for")
        look = self._by_service if self.by == "SRV" else self._by_address

        async def follow(found: Found) -> NoReturn:
            while True:
                try:
                    instances, ttl = await look(service)
                except DnsError as error:
                    raise SourceFailed(str(error)) from None
                found.answered(instances)
                await trio.sleep(max(SOONEST, ttl))

        return followed(follow, self.randomness)

    async def _by_address(self, service: str) -> tuple[list[Instance], float]:
        answer = await self.resolver.resolve(f"{service}.{self.domain}", "A")
        addresses = [record.to_text() for record in answer.records]
        return [Instance(service, address, address, self.port) for address in addresses], answer.ttl

    async def _by_service(self, service: str) -> tuple[list[Instance], float]:
        answer = await self.resolver.resolve(f"_{service}._tcp.{self.domain}", "SRV")
        records = [record for record in answer.records if isinstance(record, SRV)]
        best = min((record.priority for record in records), default=0)
        instances, ttl = [], answer.ttl
        for record in (record for record in records if record.priority == best):
            target, weight = record.target.to_text(), {"weight": str(record.weight)}
            addresses = await self.resolver.resolve(target, "A")
            ttl = min(ttl, addresses.ttl)
            for address in addresses.records:
                name = f"{target.rstrip('.')}:{record.port}"
                instances.append(Instance(service, name, address.to_text(), record.port, weight))
        return instances, ttl
