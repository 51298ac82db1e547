"""pager: hears of every circuit that opens or closes, and pages whoever is on call, as your `alerts.py` says."""

import json
import math

import trio
from alerts import Alerts
from calling import PORT
from lines import Lines


async def main(host):
    desk = Desk(host, Alerts(**host.arguments["alerts"]))
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.keep_time)
            await trio.serve_tcp(desk.listen, PORT)
    finally:
        print(f"{desk.heard} reports came in; the telephone of whoever is on call rang {desk.paged} times")


class Desk:
    """The input, the output and the clock around your `Alerts`, which has none of the three."""

    def __init__(self, host, alerts) -> None:
        self._host = host
        self._alerts = alerts
        self._began = trio.current_time()
        self._changed = trio.Event()
        self.heard = self.paged = 0

    async def listen(self, stream) -> None:
        """Hear one program's reports: `players open web3/17`."""
        async for line in Lines(stream).read():
            target, state, source = line.split(" ")
            tell = self._alerts.opened if state == "open" else self._alerts.closed
            tell(target, source, now=self._now())
            self.heard += 1
            self._changed.set()

    async def keep_time(self) -> None:
        """Ask when it wants to be asked, and page what it says."""
        while True:
            at = self._alerts.next_timer()
            with trio.move_on_at(math.inf if at is None else self._began + at):
                await self._changed.wait()
            self._changed = trio.Event()
            for message in self._alerts.handle_timer(now=self._now()):
                told = {name: getattr(message, name) for name in ("target", "since", "sources", "over")}
                self._host.app.send_nowait(json.dumps(told).encode())
                self.paged += 1

    def _now(self) -> float:
        return trio.current_time() - self._began
