"""Somebody on c who hears what passes in the house; and who may have an answer of their own to a question.

`lie` is None, or the number of a day and what this program says, in the name of *players*, when somebody asks *players*
for that day's lineup.
"""

from call import CallError, Reply, encode, parse
from messages import Decoder, MessageError
from messages import encode as enveloped

from netstack.packets import ACK, PSH, Ethernet, IPv4, Options, PacketError, Tcp
from netstack.packets.ethernet import IPV4


async def main(host):
    lie = host.arguments["lie"]
    async for frame in host.link:
        if lie is not None and (answer := _answer_to(frame, *lie)):
            await host.link.send(answer)
            lie = None


def _answer_to(frame: bytes, day: int, names: list[str]) -> bytes:
    """What *players* would say next if that were its answer; nothing if this is not the question."""
    try:
        ethernet = Ethernet.parse(frame)
        if ethernet.type != IPV4:
            return b""
        packet = IPv4.parse(ethernet.payload)
        asked = Tcp.parse(packet.payload, packet.source, packet.destination)
        decoder = Decoder()
        decoder.feed(asked.payload)
        message = decoder.message()
        request = parse(message) if message else None
    except (PacketError, MessageError, CallError):
        return b""
    if isinstance(request, Reply) or request is None or request.arguments.get("day") != day:
        return b""
    said = Tcp(
        asked.destination_port,
        asked.source_port,
        asked.acknowledgement,
        asked.sequence + len(asked.payload),
        ACK | PSH,
        asked.window,
        enveloped(encode(Reply(request.id, names))),
        _stamped(asked.options),
    )
    segment = said.build(packet.destination, packet.source)
    reply = IPv4(packet.destination, packet.source, packet.protocol, segment)
    return Ethernet(ethernet.source, ethernet.destination, IPV4, reply.build()).build()


def _stamped(heard: Options) -> Options:
    """The other's last stamp, and the one to be echoed."""
    stamps = heard.timestamps
    return Options(timestamps=(stamps[1], stamps[0])) if stamps else Options()
