"""The shortest way to a kernel's socket, and to any other stream the usual one.

`trio.SocketStream` lets other tasks run after each operation that succeeds, which for a small message costs about as
much as the kernel's part. Whoever asks and answers in turns waits anyway, for the next message. So here the first
attempt is made at once, and only who would block waits. What is not a kernel's socket (in memory, simulated, encrypted)
is an ordinary stream.
"""

import os

import trio

CHUNK = 64 * 1024


class Transport:
    """Reads and writes `stream`, which stays its owner's to close."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        # trio has no public name for the class of the sockets that are a kernel's; a simulated one has another.
        self._fd = -1
        if isinstance(stream, trio.SocketStream) and type(stream.socket).__module__.startswith("trio."):
            self._fd = stream.socket.fileno()

    async def receive(self) -> bytes:
        """What has come; b"" at the end. Raises `trio.BrokenResourceError`."""
        if self._fd < 0:
            return bytes(await self._stream.receive_some(CHUNK))
        waited = False
        while True:
            try:
                data = os.read(self._fd, CHUNK)
            except BlockingIOError:
                waited = True
                await trio.lowlevel.wait_readable(self._fd)
                continue
            except OSError as error:
                raise trio.BrokenResourceError(f"cannot read: {error}") from error
            if not waited:  # or else who always has something to read would keep all others from running
                await trio.lowlevel.cancel_shielded_checkpoint()
            return data

    def send_now(self, data: bytes) -> bytes:
        """Send as much as goes without waiting; return the rest. Raises `trio.BrokenResourceError`."""
        if self._fd < 0:
            return data
        try:
            return data[os.write(self._fd, data) :]
        except BlockingIOError:
            return data
        except OSError as error:
            raise trio.BrokenResourceError(f"cannot write: {error}") from error

    async def send(self, rest: bytes) -> None:
        """Send what `send_now` has left."""
        await self._stream.send_all(rest)
