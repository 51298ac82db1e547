"""Framing: messages on a line that carries nothing but bytes.

A serial line knows no beginnings and no ends; it hands over bytes in pieces of whatever size, and now and then a wrong
one, too few, or too many. Three things make messages of that:

* **delimit**: the byte 7E, the *flag*, stands before and after every message and never within one. Where the message
  itself holds a 7E, or a 7D, the sender writes 7D, the *escape*, and then that byte with its sixth bit turned over;
* **check**: a CRC-32 of the message follows it, so that the receiver can tell damage from data;
* **resynchronise**: whatever lies between two flags and does not pass the check is thrown away, and the flag that ended
  it begins the next. So noise costs the messages that it touches; none after the next flag.

What always holds: the decoder reports a message only if its bytes, escapes undone, are followed by their own CRC; what
it remembers between two pieces is bounded. One damaged message in 2³² or so passes by luck.

Prior art: HDLC, and PPP's framing after it (RFC 1662, section 4). We follow its flag and its escapes; its address and
control fields are left out, and our CRC travels with its highest byte first, like every number in this course.
"""

import re
import zlib

FLAG = 0x7E
ESCAPE = 0x7D
FLIP = 0x20
"""RFC 1662, 4.2: an escaped byte has its sixth bit complemented."""

LONGEST = 1500
"""Bytes in the longest message."""

_TRAILER = 4
_LONGEST_BODY = 2 * (LONGEST + _TRAILER)
_FLAG = bytes((FLAG,))
_SPECIAL = re.compile(rb"[\x7d\x7e]")
_ESCAPED = re.compile(rb"\x7d(.?)", re.DOTALL)


class DamagedError(ValueError):
    """What lay between two flags is no message."""


def encode(message: bytes) -> bytes:
    """Return the bytes that carry `message` over the line; raises `ValueError` for more than 1500 bytes."""
    if len(message) > LONGEST:
        raise ValueError(f"a message has at most {LONGEST} bytes, this one has {len(message)}")
    checked = message + zlib.crc32(message).to_bytes(_TRAILER, "big")
    return _FLAG + _SPECIAL.sub(_escape, checked) + _FLAG


def decode(body: bytes) -> bytes:
    """Return the message in `body`, the bytes between two flags; raises `DamagedError` and nothing else."""
    checked = _ESCAPED.sub(_unescape, body)
    if not _TRAILER <= len(checked) <= LONGEST + _TRAILER:
        raise DamagedError("too short or too long")
    message, trailer = checked[:-_TRAILER], checked[-_TRAILER:]
    if zlib.crc32(message) != int.from_bytes(trailer, "big"):
        raise DamagedError("the CRC does not match")
    return message


def _escape(special: re.Match[bytes]) -> bytes:
    return bytes((ESCAPE, special[0][0] ^ FLIP))


def _unescape(pair: re.Match[bytes]) -> bytes:
    if not pair[1]:
        raise DamagedError("an escape with nothing after it")  # RFC 1662, 4.3: escape and flag, an abandoned frame
    return bytes((pair[1][0] ^ FLIP,))


class Decoder:
    """Finds messages in what a line delivers, however it is cut into pieces.

    `damaged` counts what was thrown away. Bytes before the first flag count as damage too: nobody can tell.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._unfinished = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """Take in the next bytes from the line; return the messages that they complete, in order."""
        *bodies, unfinished = (self._unfinished + piece).split(_FLAG)
        self._unfinished = unfinished[: _LONGEST_BODY + 1]  # longer is no message: remember only that it was too long
        return [message for body in bodies if body and (message := self._check(body)) is not None]

    def _check(self, body: bytes) -> bytes | None:
        try:
            return decode(body)
        except DamagedError:
            self.damaged += 1
            return None
