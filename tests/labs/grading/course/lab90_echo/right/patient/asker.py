import trio


async def main(host):
    while True:
        question = await host.app.receive()
        got = None
        while got is None:
            await host.link.send(bytes(14) + b"?" + question)
            with trio.move_on_after(0.5):
                got = (await host.link.receive())[15:]
        host.app.send_nowait(got)
