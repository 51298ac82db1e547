"""players, whose clerk has a desk with room for so many cards. What finds no room falls off, and nobody says so."""

from conversation import Line

from netstack.flow.messages import Data


async def main(host):
    room = host.arguments["room"]
    line = Line(host.link, host.arguments["peer"], host.arguments["flow"])
    async for frame in host.link:
        match line.ours(frame):
            case Data(number, card):
                if host.app.delivered - host.app.consumed < room:
                    host.app.send_nowait(card)
                else:
                    host.note(f"no room for card {number}")
