"""Who takes part in a play in real time: a program that runs freely, or a host that the judge plays.

The judge never waits for a program: what it does not read is kept, within bounds, and what it says is taken as hostile.
"""

import select
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from labs.story.trace import Exit
from labs.testbed import sandbox
from labs.testbed.actors import CHUNK, DETAIL, Died, Stopped
from labs.testbed.cast import LAST_WORDS, Running
from labs.testbed.channel import ChannelError, Decoder, End, Message, Start, Stop, encode
from labs.testbed.scene import Limits, Peer, Send


@dataclass(slots=True)
class Live:
    """A program that runs freely in a process of its own.

    A program of ours has its links' sockets itself; for another executable the judge holds them, as `sockets`, and
    carries its frames.
    """

    host: str
    name: str
    running: Running
    limits: Limits
    settings: dict[str, Any]
    sockets: tuple[socket.socket, ...] = ()
    wakes_at: int = 0
    turns: int = 0
    ended: bool = False
    has_links: bool = True
    _decoder: Decoder = field(default_factory=Decoder)
    _unsent: bytearray = field(default_factory=bytearray)
    _messages: int = 0
    _bytes: int = 0
    _said_end: bool = False

    def begin(self) -> None:
        """Tell the program who it is: from now on it runs."""
        self.running.channel.setblocking(False)
        self.tell([Start(self.settings)])

    def tell(self, messages: Iterable[Message]) -> None:
        """Send messages as far as the program takes them now; `flush` sends the rest. Raises `Stopped`."""
        for message in messages:
            self._unsent += encode(message)
        if len(self._unsent) > self.limits.message_bytes:
            raise Stopped("it does not read what the judge sends it")
        self.flush()

    def flush(self) -> None:
        """Send what could not be sent before, as far as that goes."""
        try:
            while self._unsent:
                del self._unsent[: self.running.channel.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError:  # it has gone: `receive` will notice, and say how
            self._unsent.clear()

    @property
    def unsent(self) -> bool:
        """Whether something waits for the program to read."""
        return bool(self._unsent)

    def receive(self) -> Iterator[Message]:
        """What the program has said; raises `Stopped`, `Died` or `ChannelError`."""
        try:
            data = self.running.channel.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise Died(self._gone())
        self._bytes += len(data)
        for message in self._decoder.feed(data):
            self._messages += 1
            if isinstance(message, End):
                self.ended = self._said_end = True
                message = End(message.how, message.detail[:DETAIL])
            yield message
        if self._messages > self.limits.messages or self._bytes > self.limits.message_bytes:
            raise Stopped("it sent the judge more messages than the scene allows")

    def take_output(self) -> bool:
        """Take in what it prints; False once it can print no more. Raises `Stopped`."""
        goes_on = self.running.read_output()
        if self.running.output.exceeded:
            raise Stopped(f"it printed more than {self.running.output.limit:,} bytes")
        return goes_on

    def _gone(self) -> str:
        status = self.running.end(patience=0.5)
        return "it closed its channel to the judge" if status is None else f"its process {sandbox.ending(status)}"

    def ask_to_stop(self) -> None:
        """Tell it to end, by message and by signal; harmless when it has."""
        if not self.ended and self.running.channel.fileno() >= 0:
            self.tell([Stop()])
            self.running.signal(signal.SIGTERM)

    def leave(self, now: int) -> Exit | None:
        """Wait for its end, but not long, and return how it ended; `ask_to_stop` comes before."""
        how, detail = self._ending()
        self.ended = True
        return Exit(now, self.host, self.name, how, detail)

    def end(self) -> None:
        """Kill it, and all that it started, once it has printed its last; harmless when it is gone."""
        if self._said_end:
            self.running.read_to_the_end()
        self.running.end()

    def kill(self) -> None:
        """Do what `kill -9` does; that its channel is at its end then, nobody minds."""
        self.running.signal(signal.SIGKILL)

    def _ending(self) -> tuple[Literal["cancelled", "raised", "stopped", "died"], str]:
        deadline = time.monotonic() + LAST_WORDS
        try:
            while (left := deadline - time.monotonic()) > 0:
                select.select([self.running.channel], [], [], left)
                for message in self.receive():
                    if isinstance(message, End):
                        return ("raised", message.detail) if message.how == "raised" else ("cancelled", "")
        except (Died, ChannelError, ValueError):
            return "cancelled", "it ended without a word"  # as most executables do at SIGTERM
        except Stopped as error:
            return error.how, f"when it was cancelled, {error}"
        return "stopped", f"it did not end within {LAST_WORDS:g} s of SIGTERM, and was killed"

    def turn(self, now: int, arrived: Iterable[Message]) -> Iterator[Message]:
        """In real time nobody takes turns."""
        raise NotImplementedError

    def last_words(self) -> str:
        """The last lines that it printed."""
        return self.running.output.text


@dataclass(slots=True)
class Acted:
    """A host that the judge plays itself, on its real interfaces."""

    host: str
    name: str
    peer: Peer
    sockets: tuple[socket.socket, ...]
    wakes_at: int = 0
    turns: int = 0
    ended: bool = False
    has_links: bool = True

    def receive(self, link: int, frame: bytes, now: int) -> None:
        """Hand the peer a frame."""
        self._send(self.peer.receive(link, frame, now=now))

    def handle_timer(self, now: int) -> None:
        """Let the peer do what is due, if anything is."""
        if (due := self.peer.next_timer()) is not None and due <= now:
            self._send(self.peer.handle_timer(now=now))

    def _send(self, sends: Iterable[Send]) -> None:
        for send in sends:
            self.sockets[send.link].send(send.frame)

    def turn(self, now: int, arrived: Iterable[Message]) -> Iterator[Message]:
        """In real time nobody takes turns."""
        raise NotImplementedError

    def leave(self, now: int) -> Exit | None:
        """It has no end that anybody would want to know of."""
        return None

    def end(self) -> None:
        """It has no process."""

    def kill(self) -> None:
        """It has no process."""

    def last_words(self) -> str:
        """A judge prints nothing."""
        return ""
