"""*players*, as a function: it lives in the same process as *teams*, and is called like any other.

    players = Players(**host.arguments)
    names = await players.who_plays_for("Herons")

Looking takes time: a clerk walks to the cards, which takes 0.2 s, and reads them when he is there. There are clerks
enough, one for each question; but some drawers are slow to open.
"""

from collections.abc import Mapping, Sequence

import trio
from business import players_of

WALK = 0.2  # seconds from the question to the cards


class Players:
    """This program's own copy of the cards.

    `slow`: seconds from the question to the cards of some teams, instead of 0.2. `transfers`: (second, player, from,
    to): when this copy of the cards is brought up to date, in seconds since the program began.
    """

    def __init__(
        self, *, slow: Mapping[str, float] | None = None, transfers: Sequence[tuple[float, str, str, str]] = ()
    ) -> None:
        self._slow = slow or {}
        self._transfers = transfers
        self._began = trio.current_time()

    async def who_plays_for(self, team: str) -> tuple[str, ...]:
        """Return who plays for `team` when the clerk reads the card; nobody, if there is no such team."""
        await trio.sleep(self._slow.get(team, WALK))
        names = list(players_of(team))
        for second, player, old, new in self._transfers:
            if trio.current_time() - self._began >= second:
                if old == team and player in names:
                    names.remove(player)
                if new == team:
                    names.append(player)
        return tuple(names)
