"""Pours whatever people offer into a stream; tells them when it has been taken. An empty payload ends the stream."""

import trio


async def main(host):
    try:
        async with await trio.open_tcp_stream(host.arguments["players"], host.arguments["port"]) as stream:
            async for payload in host.app:
                if payload:
                    await stream.send_all(payload)
                else:
                    await stream.send_eof()
                host.app.send_nowait(f"{len(payload)} bytes are taken".encode())
    except trio.BrokenResourceError as error:
        host.app.send_nowait(f"it is broken: {error.__cause__}".encode())
