"""players, at the other end of the serial line: keeps the cards, and answers."""

from business import players_of
from serial_line import Line


async def main(host):
    line = Line(host.link)
    while True:
        team = (await line.receive()).decode("utf-8", "replace")
        await line.send("\n".join(players_of(team)).encode())
