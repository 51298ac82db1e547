"""A router: the links and the clock around your `routing.py` and your `forwarding.py`.

How does it learn that a link has failed? A card may say that the carrier is gone; but where a switch lies between, the
carrier stays, and the router beyond it is gone all the same. So it listens. Routers announce themselves in every
period; a link on which one was heard, and then none for `SILENCE` periods, has failed, and `link_down` is called. The
next vector that comes over it proves that it is up again. A link that leads to an end is never given up: nobody was
ever heard there.
"""

import math
from ipaddress import IPv4Network

import trio
from forwarding import Table
from passing_on import pass_on, send
from routing import DistanceVector

from netstack.packet import DATA, NOBODY, VECTOR, Packet, PacketError, build_vector, from_ethernet, parse_vector

SILENCE = 3  # periods


async def main(host):
    router = Router(host)
    async with trio.open_nursery() as nursery:
        for number in range(len(host.links)):
            nursery.start_soon(router.listen, number)
        await router.keep_time()


class Router:
    """The router on `host`. Its arguments: the network of each link, the period and the timeout in seconds."""

    def __init__(self, host):
        arguments = host.arguments
        self._links = host.links
        self._silence = SILENCE * arguments["period"]
        self._heard = {}  # when a vector last came, by link
        self._news = trio.lowlevel.ParkingLot()
        self._routing = DistanceVector(
            own=dict(enumerate(map(IPv4Network, arguments["networks"]))),
            period=arguments["period"],
            timeout=arguments["timeout"],
        )
        self._fill_table()

    async def listen(self, number):
        """Take in all that comes over one link."""
        async for frame in self._links[number]:
            try:
                packet = from_ethernet(frame)
                vector = parse_vector(packet.payload) if packet.kind == VECTOR else None
            except PacketError:
                continue  # not ours, or damaged
            if packet.kind == DATA:
                await pass_on(self._links, packet, self._table)
            else:
                self._hear(number, vector)

    def _hear(self, number, vector):
        now = trio.current_time()
        self._heard[number] = now
        self._routing.receive(number, vector, now=now)
        self._fill_table()
        self._news.unpark_all()

    async def keep_time(self):
        """Announce when it is time, and notice when it has become quiet."""
        while True:
            with trio.move_on_at(min(self._routing.next_timer(), self._next_silence())):
                await self._news.park()
            for number, entries in self._tick(trio.current_time()).items():
                await send(self._links[number], Packet(NOBODY, NOBODY, build_vector(entries), ttl=1, kind=VECTOR))

    def _tick(self, now):
        """Give up links that are silent, and return what is to be announced now, by link."""
        for number, heard in list(self._heard.items()):
            if now >= heard + self._silence:
                del self._heard[number]
                self._routing.link_down(number, now=now)
        announcements = self._routing.handle_timer(now=now)
        self._fill_table()
        if (due := self._routing.next_timer()) <= now:
            raise RuntimeError(f"after handle_timer(now={now}) next_timer() says {due}: this would never end")
        return announcements

    def _next_silence(self):
        return min(self._heard.values(), default=math.inf) + self._silence

    def _fill_table(self):
        self._table = Table()
        for network, link in self._routing.ways_out().items():
            self._table.add(network, link)
