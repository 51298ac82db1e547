"""Somebody in the house who calls *players*, by a plan, and keeps a log: `teams` on a, `scores` on c.

The plan's entries are times in seconds, and the calls that make up one question. They are made one after another, or
all `together`; over one connection, or `each` over its own. `book` says from when on *players* is thought to be where.
"""

from functools import partial

import trio
from caller import CallFailed, calling

MILLISECONDS = 1000


async def main(host):
    await Asking(host).run()


class Asking:
    """One who asks. `order` is that of the four bytes of length: "big", as in lab 4's handout, or "little"."""

    def __init__(self, host) -> None:
        self._settings = host.arguments
        self._log = host.apps[host.arguments["log"]]
        self._open = partial(_lowest_first, trio.open_tcp_stream) if self._has_little() else trio.open_tcp_stream
        self._calls = self._asked = self._answered = 0
        self._begun = trio.current_time()

    def _has_little(self) -> bool:
        return self._settings["order"] == "little"

    async def run(self) -> None:
        """Ask all that is planned, and sum up."""
        order = "lowest" if self._has_little() else "highest"
        self._tell(f"speaks version {self._settings['version']} of the call; lengths have their {order} byte first")
        async with trio.open_nursery() as nursery:
            if self._settings["each"]:
                for at, calls in self._settings["plan"]:
                    nursery.start_soon(self._question, at, calls, None)
            else:
                await self._over_one(nursery)
        self._tell(f"in all {self._calls} calls, {self._asked} bytes asked, {self._answered} bytes answered")

    async def _over_one(self, nursery) -> None:
        """One connection for all; a new one when it is gone."""
        plan = list(self._settings["plan"])
        while plan:
            await self._sleep_until(plan[0][0])
            try:
                place = self._place()
                async with calling(*place, opened=self._open) as players, trio.open_nursery() as questions:
                    while plan and not players.is_gone:
                        questions.start_soon(self._question, *plan.pop(0), players)
                        await self._sleep_until(plan[0][0] if plan else 0)
            except OSError:
                self._tell(f"{_told(*plan.pop(0)[1][0])}: refused")

    async def _question(self, at: float, calls, players) -> None:
        """All calls of one question."""
        await self._sleep_until(at)
        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            for method, arguments in calls:
                if self._settings["together"]:
                    nursery.start_soon(self._call, method, arguments, players)
                else:
                    await self._call(method, arguments, players)
        if len(calls) > 1:
            self._tell(f"the question of {at:g} s is answered; {_since(begun)}")

    async def _call(self, method: str, arguments, players) -> None:
        begun = trio.current_time()
        try:
            with trio.fail_after(self._settings["patience"]):
                result = await self._result(method, arguments, players)
        except CallFailed as error:
            self._tell(f"{_told(method, arguments)}: {error}")
        except OSError:
            self._tell(f"{_told(method, arguments)}: refused")
        except trio.TooSlowError:
            self._tell(f"{_told(method, arguments)}: no answer within {self._settings['patience']:g} s")
        else:
            self._calls += 1
            self._asked += _size(list(arguments.values()))
            self._answered += _size(result)
            self._tell(f"{_told(method, arguments)}: {_shown(result)}; {_since(begun)}")

    async def _result(self, method: str, arguments, players):
        if players is not None:
            return await players.call(method, arguments)
        failure = None
        async with calling(*self._place(), opened=self._open) as caller:
            try:
                return await caller.call(method, arguments)
            except CallFailed as error:
                failure = error  # raised here, it would come out in a group
        raise failure

    def _place(self) -> tuple[str, int]:
        now = trio.current_time() - self._begun
        return [host for since, host in self._settings["book"] if since <= now][-1], self._settings["port"]

    async def _sleep_until(self, at: float) -> None:
        await trio.sleep_until(self._begun + at)

    def _tell(self, text: str) -> None:
        self._log.send_nowait(text.encode())


async def _lowest_first(opened, host: str, port: int):
    stream = await opened(host, port)
    send_all = stream.send_all
    stream.send_all = lambda data: send_all(bytes(data[:4])[::-1] + bytes(data[4:]))
    return stream


def _told(method: str, arguments) -> str:
    return " ".join([method, *map(str, arguments.values())])


def _shown(result) -> str:
    text = ", ".join(result) if isinstance(result, list) else str(result)
    return text if len(text) < 100 else f"{len(text)} bytes"


def _size(result) -> int:
    values = result if isinstance(result, list) else [result]
    return sum(len(str(each).encode()) for each in values)


def _since(begun: float) -> str:
    return f"{(trio.current_time() - begun) * MILLISECONDS:.1f} ms"
