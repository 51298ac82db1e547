"""transfers: declared in service.toml."""

import business
import wiring


@wiring.answers
async def rumour(team):
    names = await wiring.need("players").call("of", {"team": team})
    return business.rumour(team, names, await wiring.need("coaches").call("session", {"team": team}))


main = wiring.run
