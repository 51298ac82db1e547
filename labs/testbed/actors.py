"""Who takes turns in `sim`: a program in a process of its own, or a host that the judge plays.

A turn of a program is one exchange on its channel (`labs.testbed.channel`): what has arrived for it and a `Grant` go
out, what it does and a `Wait` come back. All that comes from it is taken as hostile, and what it may cost the judge is
bounded: the real time of a turn, the number and the bytes of its messages, its output. A program that goes beyond is
`Stopped`; one whose process or channel ends by itself has `Died`.

A busy machine is not a program's fault. So when a turn has taken too long, the time in which the process stood ready
and was given no processor does not count.
"""

import signal
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal, Protocol

from labs.story.trace import Exit
from labs.testbed import sandbox
from labs.testbed.cast import Running
from labs.testbed.channel import NEVER, ChannelError, Decoder, End, Frame, Grant, Message, Start, Stop, Wait, encode
from labs.testbed.scene import Limits, Peer, Send

LOOK_UP = struct.pack("ll", 0, 20_000)  # after 20 ms (a timeval) without a word, see what a program prints
SILENCE = 2.0  # real seconds for which a program may keep its turn without saying anything
PATIENCE = 5 * SILENCE  # the same, for one that stood ready all the while
CHUNK = 1 << 16  # bytes read at once; for more, the memory would be mapped anew each time, at five times the price
DETAIL = 8_000  # characters kept of what a program says about its end

_HINTS = {
    -signal.SIGXCPU: ", for it had used up its processor time",
    -signal.SIGKILL: ", perhaps for want of memory",
}


class Stopped(Exception):
    """A program must be stopped; the text says what it did."""

    how: Literal["stopped", "died"] = "stopped"


class Died(Stopped):
    """A program's process has ended, or hung up, without a word."""

    how = "died"


class Actor(Protocol):
    """Who takes turns. `wakes_at` is when it wants the next one unless something arrives before.

    One that `has_links` gets its host's frames, and sends its own.
    """

    host: str
    name: str
    wakes_at: int
    turns: int
    ended: bool
    has_links: bool

    def turn(self, now: int, arrived: Iterable[Message]) -> Iterator[Message]:
        """Take a turn, and yield what it does; raises `Stopped` or `ChannelError`, and is of no more use then."""
        ...

    def leave(self, now: int) -> Exit | None:
        """Give it a last turn in which to stop, and return how it ended."""
        ...

    def end(self) -> None:
        """End its process, if there is one, at once."""
        ...

    def kill(self) -> None:
        """Do what `kill -9` does, in the middle of a play."""
        ...

    def last_words(self) -> str:
        """The last lines that it printed."""
        ...


@dataclass(slots=True)
class Process:
    """A program in a process of its own."""

    host: str
    name: str
    running: Running
    limits: Limits
    wakes_at: int = 0
    turns: int = 0
    ended: bool = False
    has_links: bool = True
    _decoder: Decoder = field(default_factory=Decoder)
    _messages: int = 0
    _bytes: int = 0
    _stood: float = 0.0
    _said_end: bool = False

    def begin(self, settings: dict[str, Any]) -> None:
        """Tell the program who it is, and let it get ready; raises `Stopped` or `ChannelError`."""
        self.running.channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, LOOK_UP)
        self.running.channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", ceil(SILENCE), 0))
        self._send(encode(Start(settings)))
        for message in self._until_wait():
            raise Stopped(f"it said {type(message).__name__} before it began")

    def turn(self, now: int, arrived: Iterable[Message]) -> Iterator[Message]:
        """Give the program its turn, and yield what it does, until it gives the turn back or ends."""
        self._send(b"".join([*map(encode, arrived), encode(Grant(now))]))
        return self._until_wait()

    def _until_wait(self) -> Iterator[Message]:
        patience = _Patience()
        while True:
            for message in self._decoder.feed(self._read(patience)):
                match message:
                    case Wait(deadline):
                        self.wakes_at = deadline
                        return
                    case End(how, detail):
                        self.ended = self._said_end = True
                        yield End(how, detail[:DETAIL])
                        return
                self._messages += 1
                if self._messages > self.limits.messages:
                    raise Stopped(f"it sent the judge more than {self.limits.messages:,} messages")
                yield message
            if self._bytes > self.limits.message_bytes:
                raise Stopped(f"it sent the judge more than {self.limits.message_bytes:,} bytes")

    def _read(self, patience: "_Patience") -> bytes:
        """Wait for bytes from the program. When it takes its time, look at what it prints: it may wait for that."""
        while True:
            began = time.monotonic()
            data = self._receive()
            patience.left -= time.monotonic() - began
            if data is not None:
                return data
            self._take_output()
            if patience.left <= 0 and not patience.extend(self._stood_meanwhile()):
                raise Stopped(self._stuck())

    def _receive(self) -> bytes | None:
        """Bytes from the program; None when none have come for a while. (To poll first would cost twice as much.)"""
        try:
            data = self.running.channel.recv(CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            raise Died(self._gone())
        self._bytes += len(data)
        return data

    def _take_output(self) -> None:
        self.running.read_output()
        if self.running.output.exceeded:
            raise Stopped(f"it printed more than {self.running.output.limit:,} bytes")

    def _stood_meanwhile(self) -> float:
        before, self._stood = self._stood, self.running.stood()
        return self._stood - before

    def _stuck(self) -> str:
        where = self.running.where_stuck()
        return f"it ran for {SILENCE:g} s of real time without ever waiting" + (f" ({where})" if where else "")

    def _gone(self) -> str:
        status = self.running.end(patience=0.5)
        if status is None:
            return "it closed its channel to the judge"
        return f"its process {sandbox.ending(status)}{_HINTS.get(status, '')}"

    def _send(self, data: bytes) -> None:
        """Send all of `data`; a program that waits for its turn reads it at once, whatever its size."""
        try:
            self.running.channel.sendall(data)
        except BlockingIOError:
            raise Stopped(self._stuck()) from None
        except OSError:
            raise Died(self._gone()) from None

    def leave(self, now: int) -> Exit | None:
        """Cancel `main`, and return how it ended; what it still wants done is not done."""
        self.ended = True
        return Exit(now, self.host, self.name, *self._cancel(now))

    def end(self) -> None:
        """End the process at once, but for one that has said its `End`: what that prints last is taken in."""
        if self._said_end:
            self.running.read_to_the_end()
        self.running.end()

    def kill(self) -> None:
        """Do what `kill -9` does."""
        self.running.end()

    def _cancel(self, now: int) -> tuple[Literal["cancelled", "raised", "died", "stopped"], str]:
        try:
            for message in self.turn(now, [Stop()]):
                if isinstance(message, End) and message.how == "raised":
                    return "raised", message.detail
        except Stopped as error:
            return error.how, f"when it was cancelled, {error}"
        except ChannelError as error:
            return "died", f"when it was cancelled, it sent {error}"
        return "cancelled", ""

    def last_words(self) -> str:
        """The last lines that it printed."""
        return self.running.output.text


@dataclass(slots=True)
class _Patience:
    """The real seconds that one turn may still be silent."""

    left: float = field(default_factory=lambda: SILENCE)
    _extended: float = 0.0

    def extend(self, stood: float) -> bool:
        """Wait for `stood` seconds more, if that is worth while and not too often."""
        self.left = min(stood, PATIENCE - SILENCE - self._extended)
        self._extended += self.left
        return self.left > SILENCE / 20


@dataclass(slots=True)
class Acted:
    """A host that the judge plays itself, in this process."""

    host: str
    name: str
    peer: Peer
    wakes_at: int = 0
    turns: int = 0
    ended: bool = False
    has_links: bool = True

    def turn(self, now: int, arrived: Iterable[Message]) -> Iterator[Message]:
        """Hand the peer its frames and its timer, and yield what it sends."""
        sends: list[Send] = []
        for message in arrived:
            if isinstance(message, Frame):
                sends.extend(self.peer.receive(message.link, message.data, now=now))
        if (due := self.peer.next_timer()) is not None and due <= now:
            sends.extend(self.peer.handle_timer(now=now))
        due = self.peer.next_timer()
        self.wakes_at = NEVER if due is None else due
        return (Frame(send.link, send.frame) for send in sends)

    def leave(self, now: int) -> Exit | None:
        """It has no end that anybody would want to know of."""
        return None

    def end(self) -> None:
        """There is no process."""

    def kill(self) -> None:
        """There is no process."""

    def last_words(self) -> str:
        """A judge prints nothing."""
        return ""
