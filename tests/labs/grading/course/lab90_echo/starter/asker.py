async def main(host):
    async for question in host.app:
        await host.link.send(bytes(14) + b"?" + question)
