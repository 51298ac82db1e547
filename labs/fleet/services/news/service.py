"""news: declared in service.toml."""

import business
import courier
import wiring


@wiring.answers
async def front_page(day):
    score = await wiring.need("scores").call("of", {"day": day})
    price = await wiring.need("tickets").call("price", {"day": day + 1})
    return business.signed(business.headline(day, score, price), courier.headers().get("x-caller"))


main = wiring.run
