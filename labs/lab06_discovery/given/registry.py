"""registry: your `Registry`, asked and told over the network.

A call for each of its methods, a clock, and the sweep when it is due. Everything that is decided is decided by yours.
"""

import trio
from leases import Registry
from travelling import from_json, to_json

from mesh.failures import CallFailed, Status
from mesh.http.server import serve
from mesh.rpc import http_handler, json_call, read_json

PORT = 8500


async def main(host):
    await trio.sleep(host.arguments.get("begin", 0.0))
    registry = Registry(randomness=host.random, **host.arguments.get("registry", {}))
    desk = Desk(registry)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.sweep)
        await serve(http_handler(desk.answer), PORT, host="0.0.0.0")


class Desk:
    """Where calls come in."""

    def __init__(self, registry) -> None:
        self.registry = registry
        self._busy = trio.Event()

    async def answer(self, call) -> bytes:
        """Do what a call asks for."""
        try:
            result = getattr(self, f"_{call.method}")(read_json(call.body), trio.current_time())
        except LookupError as error:
            raise CallFailed(Status.NOT_FOUND, str(error)) from None
        return json_call("", "", result).body

    def _register(self, told, now):
        self.registry.register(from_json(told), now=now)
        self._busy.set()

    def _renew(self, told, now):
        self.registry.renew(told["service"], told["name"], now=now)

    def _cancel(self, told, now):
        self.registry.cancel(told["service"], told["name"])

    def _find(self, told, now):
        return [to_json(each) for each in self.registry.find(told["service"], told["query"])]

    async def sweep(self) -> None:
        """Have what is due done when it is due."""
        while True:
            due = self.registry.next_timer()
            if due is None:
                self._busy = trio.Event()
                await self._busy.wait()
            else:
                await trio.sleep_until(due)
                self.registry.handle_timer(now=trio.current_time())
