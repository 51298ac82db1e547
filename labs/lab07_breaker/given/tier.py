"""A service in a row of services: it works for a while, then asks the next one, or answers itself if it is the last.

It can be ill, as its arguments say, for its first calls (`fails`), or between two times (`ill`): *down* (it answers
that it is), *bad* (it calls the question a bad one), or *hangs* (it does not answer). People may watch it at a port.
"""

import json

import trio
from business import players_of
from calling import PORT, client, question

from mesh.failures import CallFailed, Status
from mesh.http.server import serve
from mesh.rpc import http_handler, read_json


async def main(host):
    tier = Tier(host)
    try:
        await serve(http_handler(tier.of), PORT)
    finally:
        print(f"{host.name} was asked {tier.asked} times, at most {tier.most} times in one second")


class Tier:
    """One service of the row."""

    def __init__(self, host) -> None:
        self._host = host
        self._settings = host.arguments
        self._next = client(host) if "to" in host.arguments else None
        self._began = trio.current_time()
        self._second = self._in_it = 0
        self.asked = self.most = 0

    async def of(self, call):
        """Answer one call."""
        self._count()
        ended = "stopped"
        try:
            await trio.sleep(self._settings.get("work", 0))
            team = read_json(call.body)["team"]
            answer = await self._answer(team)
            ended = "done"
            return answer
        except CallFailed:
            ended = "failed"
            raise
        finally:
            for port in self._host.apps.values():
                port.send_nowait(ended.encode())

    async def _answer(self, team) -> bytes:
        await self._suffer()
        if self._next is None:
            return json.dumps(players_of(team)).encode()
        return await self._next(question(self._settings["to"], team))

    async def _suffer(self) -> None:
        now = trio.current_time() - self._began
        if self.asked <= self._settings.get("fails", 0):
            raise CallFailed(Status.UNAVAILABLE, f"{self._host.name} is not well yet")
        ills = (how for begin, end, how in self._settings.get("ill", []) if begin <= now < end)
        match next(ills, "well"):
            case "down":
                raise CallFailed(Status.UNAVAILABLE, f"{self._host.name} is down")
            case "bad":
                raise CallFailed(Status.INVALID_ARGUMENT, "what a question")
            case "hangs":
                await trio.sleep_forever()

    def _count(self) -> None:
        second = int(trio.current_time() - self._began)
        if second != self._second:
            self._second, self._in_it = second, 0
        self.asked, self._in_it = self.asked + 1, self._in_it + 1
        self.most = max(self.most, self._in_it)
        self._host.note(f"asked={self.asked}")
