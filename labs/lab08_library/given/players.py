"""players: one instance, by the library's other half. It may be ill between two times, as its arguments say:

*slow* (it takes longer), *hangs* (it does not answer), *down* (it says that it is, and may have done it all the same).
"""

from functools import partial

import trio
from business import players_of
from where import Nowhere, registry

import mesh
from mesh.failures import CallFailed, Status

FOREVER = float("inf")


async def main(host):
    terms = host.arguments
    await trio.sleep(terms.get("begin", 0.0))
    instance = Instance(host)
    serve = partial(
        mesh.serve,
        terms.get("service", "players"),
        {"of": instance.of},
        registration=registry(host) if "registry" in terms else Nowhere(),
        name=host.name,
        address=host.names[host.name][0],
        linger=0.3,
        grace=0.3,
        **terms.get("attributes", {}),
    )
    with trio.move_on_at(terms.get("end", FOREVER)):
        await serve()


class Instance:
    """What it does with a call."""

    def __init__(self, host) -> None:
        self.takes = host.arguments.get("takes", 0.0)
        self.ill = host.arguments.get("ill", [])

    async def of(self, team):
        """Say who plays for a team, after a while, or not at all."""
        await trio.sleep(self.takes)
        now = trio.current_time()
        match next((how for begin, end, how in self.ill if begin <= now < end), "well"):
            case "slow":
                await trio.sleep(1.0)
            case "hangs":
                await trio.sleep_forever()
            case "down":
                raise CallFailed(Status.UNAVAILABLE, "this instance is down")
        return players_of(team)
