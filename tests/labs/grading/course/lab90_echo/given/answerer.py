import echo


async def main(host):
    async for frame in host.link:
        await host.link.send(frame[:14] + b"!" + echo.answer(frame[15:]))
