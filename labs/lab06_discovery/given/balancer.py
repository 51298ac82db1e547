"""lb: a balancer of the old kind, in the middle: everybody's questions go through it, and it knows who is well.

Each `interval` it tries to connect to each of its backends. The first try decides at once; from then on `fall` failures
in a row take a backend out, and `rise` successes in a row put it in. Where a backend listens stands in its
configuration: for all of them, the same port.
"""

from dataclasses import dataclass
from functools import partial

import trio

from mesh.http.client import Broken, CannotConnect, Pool
from mesh.http.message import text
from mesh.http.server import serve

PATIENCE = 1.0


@dataclass
class Backend:
    """One of those that questions are handed on to."""

    address: str
    port: int
    pool: Pool
    is_in: bool = False
    checks: int = 0
    against: int = 0  # checks in a row that speak against what is believed

    def checked(self, is_well: bool, *, rise: int, fall: int) -> None:
        """One check more."""
        self.checks += 1
        self.against = self.against + 1 if is_well != self.is_in else 0
        if self.checks == 1 or self.against >= (fall if self.is_in else rise):
            self.is_in, self.against = is_well, 0


async def main(host):
    backends = [backend(address, host.arguments["port"]) for address in host.arguments["backends"]]
    turn = 0

    async def hand_on(request):
        nonlocal turn
        well = [each for each in backends if each.is_in]
        if not well:
            return text(503, "nobody is well\n")
        turn += 1
        try:
            return await well[turn % len(well)].pool.request(request)
        except (CannotConnect, Broken) as error:
            return text(502, f"{error}\n")

    async with trio.open_nursery() as nursery:
        for each in backends:
            nursery.start_soon(keep_checking, each, host.arguments)
        await serve(hand_on, host.arguments["port"], host="0.0.0.0")


def backend(address, port):
    """A backend of which nothing is known yet."""
    return Backend(address, port, Pool(connect=partial(trio.open_tcp_stream, address, port)))


async def keep_checking(backend, terms):
    """Check one backend for ever."""
    at = trio.current_time() + terms["first_check"]
    while True:
        await trio.sleep_until(at)
        is_well = False
        with trio.move_on_after(PATIENCE):
            try:
                await trio.aclose_forcefully(await trio.open_tcp_stream(backend.address, backend.port))
                is_well = True
            except OSError:
                pass
        backend.checked(is_well, rise=terms["rise"], fall=terms["fall"])
        at += terms["interval"]
