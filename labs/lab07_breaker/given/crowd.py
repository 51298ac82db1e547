"""A hundred clients in one program, each with a breaker of its own before players; what changes, the pager is told.

Their calls share a connection: each is a line, `17`, the client's number, and its answer another, `17 yes` or `17 no`.
"""

from contextlib import suppress
from functools import partial

import trio
from breaker import Breaker
from calling import PORT
from lines import Lines

from mesh.failures import CallFailed, Status
from mesh.layers.breaking import breaking

TICK = 0.25  # seconds; a client calls at one of the four in a second, the first time after half a second


async def main(host):
    async with (
        await trio.open_tcp_stream("players", PORT) as players,
        await trio.open_tcp_stream("pager", PORT) as pager,
        trio.open_nursery() as nursery,
    ):
        calls, reports = Lines(players), Lines(pager)
        crowd = Crowd(host, calls, reports)
        for number in range(host.arguments["clients"]):
            nursery.start_soon(crowd.client, number)
        nursery.start_soon(calls.write)
        nursery.start_soon(reports.write)
        async for line in calls.read():
            crowd.answered(line)


class Crowd:
    """The clients. One ends with its first call that succeeds."""

    def __init__(self, host, calls, reports) -> None:
        self._host = host
        self._calls = calls
        self._reports = reports
        self._began = trio.current_time()
        self._waiting = {}

    async def client(self, number: int) -> None:
        """Call once a second, as long as players has not come back."""
        settings = self._host.arguments
        breaker = Breaker(
            name="players",
            alert=partial(self._tell, number),
            jitter=partial(self._host.random.uniform, 0.0, settings["jitter"]),
            **settings["breaker"],
        )
        call = breaking(breaker)(self._call)
        at = self._began + 0.5 + TICK * (number % 4)
        while True:
            await trio.sleep_until(at)
            with suppress(CallFailed):
                await call(number)
                return
            at += 1.0

    async def _call(self, number: int) -> None:
        self._calls.add(str(number))
        answered = self._waiting[number] = trio.Event()
        await answered.wait()
        if self._waiting.pop(number) == "no":
            raise CallFailed(Status.UNAVAILABLE)

    def answered(self, line: str) -> None:
        """An answer has come."""
        number, _, said = line.partition(" ")
        event, self._waiting[int(number)] = self._waiting[int(number)], said
        event.set()

    def _tell(self, number: int, alert) -> None:
        if alert.after != "half open":
            self._reports.add(f"{alert.name} {alert.after} {self._host.arguments['name']}/{number}")
