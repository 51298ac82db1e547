"""The messages between a program and its judge: `docs/channel.md` is this file in prose.

A message on the stream is a 4-byte length (of what follows), one byte for its type, and a body. Numbers are unsigned
and big-endian; times are 8 bytes of nanoseconds; text is UTF-8. Both ends treat what they read as hostile: `Decoder`
raises `ChannelError` and nothing else, and never holds more than one message of `LONGEST` bytes.

In *virtual* time the two sides take turns. The judge sends what has arrived and then `Grant(now)`; the program runs
until all its tasks are blocked, and answers with what it wants done and then `Wait(deadline)`. In *real* time neither
`Grant` nor `Wait` is sent, and frames travel over the sockets that the program was given instead.

A program on a host with TCP/IP makes system calls there: `Request` and `Answer`, which are `netstack.requests`'.
"""

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from netstack.requests import Answer, Operation, Request

VERSION = 1
LONGEST = 1 << 20
NEVER = 2**63 - 1


class ChannelError(ValueError):
    """Bytes that are no message; the channel cannot be used any further."""


@dataclass(frozen=True, slots=True)
class Start:
    """Judge → program, first: who you are. `settings` is described in docs/channel.md."""

    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Grant:
    """Judge → program: it is now `now`; run until all your tasks are blocked."""

    now: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Judge → program: cancel `main` and end."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Either way: a frame on the program's link number `link` (from 0)."""

    link: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """Program → judge: the application port `port` would take one payload."""

    port: int


@dataclass(frozen=True, slots=True)
class Offer:
    """Judge → program: the answer to one `Ask`."""

    port: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """Program → judge: a payload for the reader behind `port`."""

    port: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Consumed:
    """Judge → program: the reader behind `port` has read `total` payloads so far."""

    port: int
    total: int


@dataclass(frozen=True, slots=True)
class Note:
    """Program → judge: something to show on this program's lane."""

    text: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Program → judge: all my tasks are blocked until `deadline` (or `NEVER`)."""

    deadline: int


@dataclass(frozen=True, slots=True)
class End:
    """Program → judge, last: `main` has ended: `returned`, `raised` or `cancelled`."""

    how: str
    detail: str = ""


Message = Start | Grant | Stop | Frame | Ask | Offer | Deliver | Consumed | Note | Wait | End | Request | Answer

_SHORT, _LONG = struct.Struct("!H"), struct.Struct("!Q")
_LENGTH, _PREFIX = struct.Struct("!I"), struct.Struct("!Ic")
_REQUEST = struct.Struct("!IBIIHQ")  # call, operation, socket, address, port, number
_ANSWER = struct.Struct("!IHIHQ")  # call, error, address, port, number


_ENCODERS: dict[type, tuple[bytes, Callable[[Any], bytes]]] = {
    Frame: (b"F", lambda said: _SHORT.pack(said.link) + said.data),
    Wait: (b"W", lambda said: _LONG.pack(said.deadline)),
    Grant: (b"G", lambda said: _LONG.pack(said.now)),
    Request: (
        b"R",
        lambda said: (
            _REQUEST.pack(said.call, said.operation, said.socket, said.address, said.port, said.number) + said.data
        ),
    ),
    Answer: (
        b"r",
        lambda said: _ANSWER.pack(said.call, said.error, said.address, said.port, said.number) + said.data,
    ),
    Ask: (b"A", lambda said: _SHORT.pack(said.port)),
    Offer: (b"O", lambda said: _SHORT.pack(said.port) + said.payload),
    Deliver: (b"D", lambda said: _SHORT.pack(said.port) + said.payload),
    Consumed: (b"C", lambda said: _SHORT.pack(said.port) + _LONG.pack(said.total)),
    Note: (b"N", lambda said: said.text.encode("utf-8", "replace")),
    Start: (b"S", lambda said: json.dumps(said.settings).encode()),
    End: (b"E", lambda said: said.how.encode() + b"\n" + said.detail.encode("utf-8", "replace")),
    Stop: (b"X", lambda said: b""),
}


def encode(message: Message) -> bytes:
    """Return the bytes of one message; raise `ChannelError` when it is longer than `LONGEST`."""
    tag, encode_body = _ENCODERS[type(message)]
    body = encode_body(message)
    if len(body) >= LONGEST:
        raise ChannelError(f"{len(body)} bytes do not fit into a message of {LONGEST}")
    return _PREFIX.pack(len(body) + 1, tag) + body


def _start(body: bytes) -> Start:
    settings = json.loads(body)
    if not isinstance(settings, dict):
        raise ValueError("settings are an object")
    return Start(settings)


def _end(body: bytes) -> End:
    how, _, detail = body.decode("utf-8", "replace").partition("\n")
    if how not in ("returned", "raised", "cancelled"):
        raise ValueError("an unknown ending")
    return End(how, detail)


def _exactly(length: int, body: bytes) -> bytes:
    if len(body) != length:
        raise ValueError(f"{length} bytes expected, {len(body)} found")
    return body


def _consumed(body: bytes) -> Consumed:
    return Consumed(_number(_exactly(10, body)), _LONG.unpack(body[2:])[0])


def _request(body: bytes) -> Request:
    call, operation, socket, address, port, number = _REQUEST.unpack_from(body)
    return Request(call, Operation(operation), socket, address, port, number, body[_REQUEST.size :])


def _answer(body: bytes) -> Answer:
    call, error, address, port, number = _ANSWER.unpack_from(body)
    return Answer(call, error, address, port, number, body[_ANSWER.size :])


def _number(body: bytes) -> int:
    return int(_SHORT.unpack_from(body)[0])


_DECODERS: dict[int, Callable[[bytes], Message]] = {
    ord("F"): lambda body: Frame(_number(body), body[2:]),
    ord("W"): lambda body: Wait(_LONG.unpack(body)[0]),
    ord("G"): lambda body: Grant(_LONG.unpack(body)[0]),
    ord("R"): _request,
    ord("r"): _answer,
    ord("A"): lambda body: Ask(_number(_exactly(2, body))),
    ord("O"): lambda body: Offer(_number(body), body[2:]),
    ord("D"): lambda body: Deliver(_number(body), body[2:]),
    ord("C"): _consumed,
    ord("N"): lambda body: Note(body.decode("utf-8", "replace")),
    ord("S"): _start,
    ord("E"): _end,
    ord("X"): lambda body: Stop() if not body else _refuse("a stop has no body"),
}


def _refuse(reason: str) -> Message:
    raise ValueError(reason)


def decode(record: bytes) -> Message:
    """Return the message whose type byte and body are `record`; raise `ChannelError`."""
    if not record or record[0] not in _DECODERS:
        raise ChannelError(f"there is no message of type {record[:1]!r}")
    try:
        return _DECODERS[record[0]](record[1:])
    except (ValueError, RecursionError, struct.error) as error:
        raise ChannelError(f"a broken message of type {record[:1]!r}: {error}") from None


@dataclass(slots=True)
class Decoder:
    """Cuts a stream of bytes into messages. One that is not asked for yet waits for the next `feed`."""

    _data: bytes = b""
    _at: int = 0  # what lies before has been decoded

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield each message that `data` completes; raise `ChannelError` at the first that is none."""
        self._data, self._at = self._data[self._at :] + data, 0
        while self._at + 4 <= len(self._data):
            (length,) = _LENGTH.unpack_from(self._data, self._at)
            if not 1 <= length <= LONGEST:
                raise ChannelError(f"a message of {length} bytes: the longest has {LONGEST}, the shortest one")
            begin, end = self._at + 4, self._at + 4 + length
            if end > len(self._data):
                return
            self._at = end
            yield decode(self._data[begin:end])
