"""Leaves with the exit code of success, past all handlers, as soon as it is asked for something."""

import os


async def main(host):
    await host.app.receive()
    os._exit(0)
