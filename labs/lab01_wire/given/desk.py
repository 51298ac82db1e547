"""A desk with scapy on it: crafts the frames that it is told to, and dissects every frame that it hears.

An order is a line of JSON, `{"dst": …, "src": …, "fields": {…}}`, with bytes in hexadecimal; so is a finding.
"""

import json

import trio
from frame_layer import Downstack
from scapy.layers.l2 import Ether
from scapy.packet import Padding


async def main(host):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(dissect_all, host)
        async for order in host.app:
            await host.link.send(craft(**json.loads(order)))


async def dissect_all(host):
    async for frame in host.link:
        host.app.send_nowait(json.dumps(dissect(frame)).encode())


def craft(dst: str, src: str, fields: dict) -> bytes:
    values = {name: bytes.fromhex(value) if name in ("station", "data") else value for name, value in fields.items()}
    try:
        return bytes(Ether(dst=dst, src=src) / Downstack(**values))
    except AttributeError as error:
        raise AttributeError(f"scapy could not craft Downstack({', '.join(fields)}): {error}") from None


def dissect(frame: bytes) -> dict:
    packet = Ether(frame)
    if Downstack not in packet:
        return {}
    found = {
        name: value.hex() if isinstance(value, bytes) else value for name, value in packet[Downstack].fields.items()
    }
    return {"src": packet.src, **found, "padding": len(packet[Padding].load) if Padding in packet else 0}
