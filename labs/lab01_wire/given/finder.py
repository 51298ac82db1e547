"""Looks for each name that the application wants found, and hands over its address, or `nobody`."""

import trio
from station import station_of


async def main(host):
    station = station_of(host, "finder")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(station.run)
        async for name in host.app:
            nursery.start_soon(find, host.app, station, name.decode())


async def find(app, station, name):
    address = await station.locate(name)
    app.send_nowait(f"{name}: {address.hex(':') if address else 'nobody'}".encode())
