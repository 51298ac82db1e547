"""An authoritative server: a zone on the network, over UDP, and over TCP for what does not fit."""

from contextlib import suppress

import trio

from mesh.discovery.dns.zone import LARGEST, Zone

IDLE = 10.0
"""Seconds that a TCP connection may say nothing (RFC 7766, 6.2.3: some seconds)."""


async def serve(
    zone: Zone,
    port: int = 53,
    *,
    host: str = "0.0.0.0",
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer from `zone` until cancelled. The zone may be changed meanwhile."""
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as socket:
        await socket.bind((host, port))
        listeners = await trio.open_tcp_listeners(port, host=host)
        async with trio.open_nursery() as nursery:

            async def converse(stream: trio.abc.Stream) -> None:
                await _converse(zone, stream)

            nursery.start_soon(trio.serve_listeners, converse, listeners)
            task_status.started()
            while True:
                data, source = await socket.recvfrom(LARGEST)
                if answer := zone.answer(data):
                    with suppress(OSError):  # whoever asked cannot be reached
                        await socket.sendto(answer, source)


async def _converse(zone: Zone, stream: trio.abc.Stream) -> None:
    """Answer one question after another, until the other side is silent or gone."""
    with suppress(trio.BrokenResourceError), trio.CancelScope() as scope:
        async with stream:
            while True:
                scope.deadline = trio.current_time() + IDLE
                answer = zone.answer(await receive_message(stream), over_tcp=True)
                if answer is None:
                    return
                await send_message(stream, answer)


async def send_message(stream: trio.abc.SendStream, message: bytes) -> None:
    """Over TCP two bytes of length come first (RFC 1035, 4.2.2)."""
    await stream.send_all(len(message).to_bytes(2, "big") + message)


async def receive_message(stream: trio.abc.ReceiveStream) -> bytes:
    """One message; raises `trio.BrokenResourceError` if there is no whole one."""
    length = int.from_bytes(await _receive_exactly(stream, 2), "big")
    return await _receive_exactly(stream, length)


async def _receive_exactly(stream: trio.abc.ReceiveStream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await stream.receive_some(count - len(data))
        if not more:
            raise trio.BrokenResourceError("the connection has ended")
        data += more
    return data
