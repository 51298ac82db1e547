"""players, on Ethernet: keeps the cards, and answers whoever asked."""

from business import players_of
from cable import Cable


async def main(host):
    cable = Cable(host.link)
    while True:
        source, team = await cable.receive()
        await cable.send("\n".join(players_of(team.decode("utf-8", "replace"))).encode(), to=source)
