"""The cards that *players* keeps, and those that are added: who is signed twice stands there twice."""

import trio
from business import players_of


class Roster:
    """Who plays for which team. Signing somebody takes `takes` seconds, for there is a clerk."""

    def __init__(self, *, takes: float = 0) -> None:
        self._takes = takes
        self._signed: list[tuple[str, str]] = []

    async def of(self, team: str) -> list[str]:
        """Who plays for `team`."""
        return [*players_of(team), *(player for its, player in self._signed if its == team)]

    async def sign(self, team: str, player: str) -> int:
        """Sign a player for a team; returns how many it has now."""
        await trio.sleep(self._takes)
        self._signed.append((team, player))
        return len(await self.of(team))
