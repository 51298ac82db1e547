"""The second application in one piece: nothing of the first is recognisable, and all of it is there."""

import math

import trio

from netstack.flow.messages import Ack, Addressed, Data, MessageError, Probe
from netstack.flow.sequence import add, before, distance


async def main(host):
    end = Reporter(host) if host.arguments["role"] == "reporter" else Board(host)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(end.work)
        async for frame in host.link:
            try:
                heard = Addressed.parse(frame)
            except MessageError:
                continue
            if (heard.destination, heard.source, heard.flow) == (host.link.address, end.peer, end.flow):
                await end.hear(heard.message)


class End:
    def __init__(self, host):
        self.host = host
        self.app = host.apps["scores"]
        self.flow = host.arguments["flow"]
        self.peer = bytes.fromhex(host.arguments["peer"].replace(":", ""))
        self.capacity = host.arguments["capacity"]
        self.first = host.arguments["first"]

    async def say(self, message):
        await self.host.link.send(Addressed(self.peer, self.host.link.address, message, self.flow).build())


class Reporter(End):
    def __init__(self, host):
        super().__init__(host)
        self.waiting = []  # not yet acknowledged, from self.oldest on
        self.oldest = self.first
        self.limit = add(self.first, self.capacity)
        self.changed = trio.Event()
        self.good_news_at = 0.0

    async def work(self):
        async for score in self.app:
            await self.until_there_is_room()
            if not self.waiting:
                self.good_news_at = trio.current_time()
            data = Data(add(self.oldest, len(self.waiting)), score)
            self.waiting.append(data)
            await self.say(data)
            if len(self.waiting) == 1:
                self.host_nursery().start_soon(self.repeat)

    def host_nursery(self):
        return trio.lowlevel.current_task().parent_nursery

    def next_number(self):
        return add(self.oldest, len(self.waiting))

    async def until_there_is_room(self):
        pause = self.host.arguments["probe_after"]
        while len(self.waiting) >= self.host.arguments["window"] or not before(self.next_number(), self.limit):
            blocked = not self.waiting
            limit = self.limit
            with trio.move_on_after(pause if blocked else math.inf) as waiting:
                while self.limit == limit and (not self.waiting) == blocked:
                    await self.changed.wait()
            if waiting.cancelled_caught:
                pause = min(2 * pause, 60)
                await self.say(Probe(self.limit))

    async def repeat(self):
        """Runs while anything is under way."""
        while self.waiting:
            due = self.good_news_at + self.host.arguments["timeout"]
            with trio.move_on_at(due):
                await self.changed.wait()
            if self.waiting and trio.current_time() >= self.good_news_at + self.host.arguments["timeout"]:
                self.good_news_at = trio.current_time()
                await self.say(self.waiting[0])

    async def hear(self, message):
        if not isinstance(message, Ack):
            return
        news = distance(self.oldest, message.number)
        if 0 < news <= len(self.waiting):
            del self.waiting[:news]
            self.oldest = message.number
            self.good_news_at = trio.current_time()
        granted = add(message.number, message.credit)
        if before(self.limit, granted):
            self.limit = granted
        self.changed.set()
        self.changed = trio.Event()


class Board(End):
    def __init__(self, host):
        super().__init__(host)
        self.wanted = self.first
        self.early = {}
        self.told = self.limit

    @property
    def limit(self):
        return add(self.first, self.app.consumed + self.capacity)

    async def hear(self, message):
        if isinstance(message, Data) and not before(message.number, self.wanted) and before(message.number, self.limit):
            self.early[message.number] = message.payload
        while self.wanted in self.early:
            self.app.send_nowait(self.early.pop(self.wanted))
            self.wanted = add(self.wanted, 1)
        if not isinstance(message, Ack):
            await self.tell()

    async def tell(self):
        self.told = self.limit
        await self.say(Ack(self.wanted, distance(self.wanted, self.limit)))

    async def work(self):
        shown = 0
        while True:
            await self.app.wait_consumed(shown + 1)
            shown = self.app.consumed
            if distance(self.told, self.limit) * 2 >= self.capacity:
                await self.tell()
