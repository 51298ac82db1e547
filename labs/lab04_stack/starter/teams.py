"""teams: people ask it who plays for a team; it asks players, over TCP, and tells them.

So far it takes whatever one read of the stream brings for the whole answer. The handout, step 3, says what to write.
"""

import trio
from business import answer, team_asked_about


async def main(host):
    async for question in host.app:
        team = team_asked_about(question)
        async with await trio.open_tcp_stream(host.arguments["players"], host.arguments["port"]) as stream:
            await stream.send_all(team.encode())
            names = await stream.receive_some()
        await host.app.send(answer(team, names.decode("utf-8", "replace").splitlines()))
