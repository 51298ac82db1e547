"""players: keeps the cards, and answers whoever asks. The first line of an answer is the team that it is about."""

from business import players_of
from end import End


async def main(host):
    end = End(host)
    while True:
        source, question = await end.receive()
        team = question.decode("utf-8", "replace")
        await end.send("\n".join((team, *players_of(team))).encode(), to=source)
