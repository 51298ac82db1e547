"""schedule: declared in service.toml."""

import business
import wiring


@wiring.answers
async def entry(day):
    poster = await wiring.need("matches").call("poster", {"day": day})
    return business.entry(poster, await wiring.need("referees").call("on", {"day": day}))


main = wiring.run
