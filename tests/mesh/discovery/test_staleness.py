"""How stale an answer may be: after a move that somebody tells of, and after a death that nobody tells of.

In virtual time, with each source's usual constants, at twelve moments drawn by chance. What ZooKeeper and etcd take is
measured on the real ones, in `test_all_sources`.
"""

import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any

import dns.message
import trio

from mesh.discovery import Found
from mesh.discovery.dns import Dns, Resolver, Zone
from mesh.discovery.hosts import Hosts
from mesh.instances import Instance

MOMENTS = 12


class Next(Resolver):
    """A resolver whose server answers without delay: what is measured is memory, not the way."""

    zone: Zone

    async def _exchange(self, question: Any, server: tuple[str, int]) -> dns.message.Message:
        answer = self.zone.answer(dns.message.make_query(*question).to_wire())
        assert answer
        return dns.message.from_wire(answer)


async def times(found: Found, change: Callable[[int], Awaitable[None]]) -> list[float]:
    """For how many seconds each of the changes was not seen."""
    draw, took = random.Random(1), []
    for number in range(MOMENTS):
        await trio.sleep(draw.uniform(60, 120))
        there, changed_at = found.instances, trio.current_time()
        await change(number)
        await found.changed(there)
        took.append(trio.current_time() - changed_at)
    return took


def tell(what: str, took: list[float]) -> None:
    print(f"{what:36} {min(took):7.1f} {median(took):7.1f} {max(took):7.1f}")


async def test_a_hosts_file_that_is_looked_at_each_second(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("")

    async def move(number: int) -> None:
        path.write_text(f"10.0.0.{number} players\n")

    async with Hosts(path).watch("players") as found:
        took = await times(found, move)
    tell("a line of a hosts file was edited", took)
    assert 0.5 < max(took) <= 1.0


async def test_dns_is_stale_for_up_to_its_ttl() -> None:
    zone = Zone(origin="example.")
    zone.put("players", "A", "10.0.0.99", ttl=30)
    resolver = Next(servers=[("10.0.0.53", 53)])
    resolver_zone: Any = resolver
    resolver_zone.zone = zone

    async def move(number: int) -> None:
        zone.put("players", "A", f"10.0.0.{number}", ttl=30)

    async with Dns(resolver, "example.").watch("players") as found:
        took = await times(found, move)
    tell("a record with a TTL of 30 s was edited", took)
    assert 20 < max(took) <= 30


async def test_the_registry_tells_of_a_move_at_once_and_of_a_death_after_its_lease(
    at_a_place: Any, new_way: Any
) -> None:
    async with at_a_place(preserves_itself=False) as (place, _), place.client().watch("players") as found:
        client, moves = place.client(), AsyncExitStack()

        async def move(number: int) -> None:
            await moves.enter_async_context(client.registered(instance(number)))

        async with moves:
            took = await times(found, move)
        tell("an instance registered", took)
        assert max(took) < 0.1

        async with AsyncExitStack() as deaths:
            ways = [new_way() for _ in range(MOMENTS)]
            for number, way in enumerate(ways):
                await deaths.enter_async_context(place.client(way).registered(instance(number)))
                await trio.sleep(7)

            async def die(number: int) -> None:
                ways[number].cut()

            took = await times(found, die)
            place.mend()
        tell("an instance died without a word", took)
        assert min(took) >= 60
        assert 120 < max(took) <= 150


def instance(number: int) -> Instance:
    return Instance("players", f"a{number}", f"10.0.0.{number}", 8080)
