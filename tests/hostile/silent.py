"""Does nothing, for ever."""

import trio


async def main(host):
    await trio.sleep_forever()
