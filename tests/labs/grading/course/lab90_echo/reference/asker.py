import trio


async def main(host):
    async for question in host.app:
        await host.app.send(await ask(host.link, question))


async def ask(link, question):
    while True:
        await link.send(bytes(14) + b"?" + question)
        with trio.move_on_after(0.5):
            frame = await link.receive()
            return frame[15:]
