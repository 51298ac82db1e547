"""The second application: *reporter* sends what has been scored, *board* shows it.

So far it blasts. The handout, step 5, says what to do: this application is somebody else's, in another building, and
nothing of yours is installed there. Copy it all in.
"""

from netstack.flow.messages import Addressed, Data, MessageError
from netstack.flow.sequence import add


async def main(host):
    if host.arguments["role"] == "reporter":
        await reporter(host)
    else:
        await board(host)


async def reporter(host):
    peer = bytes.fromhex(host.arguments["peer"].replace(":", ""))
    number = host.arguments["first"]
    async for score in host.apps["scores"]:
        data = Data(number, score)
        await host.link.send(Addressed(peer, host.link.address, data, host.arguments["flow"]).build())
        number = add(number, 1)


async def board(host):
    async for frame in host.link:
        try:
            heard = Addressed.parse(frame)
        except MessageError:
            continue
        if heard.flow == host.arguments["flow"] and isinstance(heard.message, Data):
            host.apps["scores"].send_nowait(heard.message.payload)
