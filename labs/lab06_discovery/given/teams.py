"""teams: people ask it who plays for a team; it finds instances of players, chooses one, and asks it.

Your `lastgood.py` says what is believed about who is there, and when the registry is asked; your `balance.py` who gets
the next question. Where nobody answers in time, another one is asked.
"""

import trio
from asking import Lines
from business import answer, apology, team_asked_about
from lastgood import LastGood

from mesh.failures import CallFailed

TRIES = 3


async def main(host):
    await trio.sleep(host.arguments["begin"])
    finder = Finder(host)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(finder.follow)
        async for question in host.app:
            nursery.start_soon(finder.serve, question)


class Finder:
    """Knows who is there, and asks one of them."""

    def __init__(self, host) -> None:
        self.host, self.arguments = host, host.arguments
        self.lines = Lines()
        self.patience = host.arguments["patience"]
        self.known = LastGood(**host.arguments["lastgood"])
        self.balancer = balancer_of(host.arguments["balancer"], host.random, self.is_usable)
        self.began = trio.Event()

    def is_usable(self, instance):
        return self.known.is_usable(instance, now=trio.current_time())

    async def follow(self) -> None:
        """Ask the registry whenever it is time to."""
        registry = tuple(self.arguments["registry"])
        while True:
            await trio.sleep_until(self.known.next_timer())
            try:
                with trio.fail_after(self.patience):
                    found = await self.lines.find(registry, "players", self.arguments["query"])
            except (CallFailed, trio.TooSlowError):
                self.known.failed(now=trio.current_time())
            else:
                self.known.answered(found, now=trio.current_time())
            self.balancer.set_endpoints(self.known.instances)
            if self.known.instances:
                self.began.set()

    async def serve(self, question) -> None:
        """Answer one question."""
        team = team_asked_about(question)
        await self.began.wait()
        names = await self.ask(team)
        self.host.app.send_nowait(apology(team) if names is None else answer(team, names))

    async def ask(self, team):
        """Ask one instance, and where nobody answers another; None if nobody does."""
        for _ in range(TRIES if self.known.instances else 0):
            began = trio.current_time()
            instance = self.balancer.pick(now=began)
            self.balancer.begin(instance, now=began)
            try:
                with trio.fail_after(self.patience):
                    where = (instance.address, instance.port)
                    return await self.lines.call(where, "players.Players/of", {"team": team})
            except (CallFailed, trio.TooSlowError):
                self.known.unreachable(instance, now=trio.current_time())
            finally:
                now = trio.current_time()
                self.balancer.end(instance, now - began, now=now)
        return None


def balancer_of(kind, randomness, is_usable):
    """Your balancer, or one that draws among those that are usable."""
    if kind == "by lot":
        return ByLot(randomness, is_usable)
    from balance import LeastLoaded, PeakEwma, TwoChoices

    make = {"least loaded": LeastLoaded, "peak ewma": PeakEwma}[kind]
    return TwoChoices(randomness=randomness, make=make, is_available=is_usable)


class ByLot:
    """Draws one of those that are usable; one of all if none is."""

    def __init__(self, randomness, is_usable) -> None:
        self.randomness, self.is_usable, self.endpoints = randomness, is_usable, ()

    def set_endpoints(self, endpoints) -> None:
        self.endpoints = endpoints

    def pick(self, *, now):
        return self.randomness.choice([each for each in self.endpoints if self.is_usable(each)] or self.endpoints)

    def begin(self, endpoint, *, now) -> None:
        pass

    def end(self, endpoint, took, *, now) -> None:
        pass
