"""players in the house, with a log of all that it serves: from `begins` on, until it `ends` (s), if it does."""

import math

import trio
from server import Server


async def main(host):
    settings = host.arguments
    if settings["begins"] is None:
        return
    begun = trio.current_time()
    await trio.sleep_until(begun + settings["begins"])
    cards = Cards(settings, host.apps[settings["log"]])
    cards.tell(f"players is here, on {host.name}")
    methods = {name: getattr(cards, name) for name in ("lineup", "shirt", "photo", "changed")}
    with trio.move_on_at(math.inf if settings["ends"] is None else begun + settings["ends"]):
        await Server(methods, complain=cards.tell).run(settings["port"])
    cards.tell(f"players is no longer on {host.name}")
    await trio.sleep_forever()


class Cards:
    """Who plays for which team on which day, and what else is known of them."""

    def __init__(self, settings, log) -> None:
        self._teams = settings["teams"]
        self._photo = "x" * settings["photo"]
        self._log = log

    async def lineup(self, team: str, day: int) -> list[str]:
        """Who plays for a team on a day; it is always the same ones."""
        return self._served(f"lineup {team} {day}", self._teams[team])

    async def shirt(self, player: str) -> int:
        """The number on a player's back."""
        return self._served(f"shirt {player}", 1 + len(player))

    async def photo(self, player: str) -> str:
        """A player's photo, as text."""
        return self._served(f"photo {player}", self._photo)

    async def changed(self, since: int) -> int:
        """How many cards have changed since a day."""
        return self._served(f"changed {since}", 0)

    def _served(self, request: str, result):
        told = ", ".join(result) if isinstance(result, list) else str(result)
        self.tell(f"served {request}: {told if len(told) < 100 else f'{len(told)} bytes'}")
        return result

    def tell(self, text: str) -> None:
        """Write a line of the log."""
        self._log.send_nowait(text.encode())
