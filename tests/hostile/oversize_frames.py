"""Sends frames longer than any link takes, past the check in its own process."""


async def main(host):
    for link in host.links:
        link.longest = 1 << 20
        await link.send(bytes(9_000))
        await link.send(bytes(100_000))
