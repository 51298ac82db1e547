"""Lab 3's messages as others may have written them: the same handout, another header.

What a dialect may do otherwise:

* `order`, of the bytes in number, credit and length: "big" (the handout's) or "little";
* `names`: an acknowledgement names the "next" number wanted (the handout's), or the "last" one received;
* `credit`: how much room there is from that number on, in "messages" (the handout's) or in "bytes" of `CARD`; or the
  "limit" itself, its lower 16 bits.
"""

import struct
from dataclasses import dataclass, replace

from netstack.flow.messages import ETHERNET, HEADER, Ack, Addressed, MessageError
from netstack.flow.sequence import add

CARD = 101
MOST = 0xFFFF  # of a field with 16 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way to write the header. All defaults are the handout's."""

    order: str = "big"
    names: str = "next"
    credit: str = "messages"

    def build(self, said: Addressed) -> bytes:
        """The frame in which this dialect says it."""
        if isinstance(said.message, Ack):
            said = replace(said, message=self._told(said.message))
        frame = said.build()
        fields = HEADER.unpack_from(frame, ETHERNET.size)
        return frame[: ETHERNET.size] + self._header.pack(*fields) + frame[ETHERNET.size + HEADER.size :]

    def parse(self, frame: bytes) -> Addressed:
        """What the frame says to somebody who speaks this dialect; raises `MessageError`."""
        if len(frame) < ETHERNET.size + HEADER.size:
            raise MessageError(f"{len(frame)} bytes are too few")
        fields = self._header.unpack_from(frame, ETHERNET.size)
        heard = Addressed.parse(frame[: ETHERNET.size] + HEADER.pack(*fields) + frame[ETHERNET.size + HEADER.size :])
        return replace(heard, message=self._meant(heard.message)) if isinstance(heard.message, Ack) else heard

    @property
    def _header(self) -> struct.Struct:
        return struct.Struct(("<" if self.order == "little" else ">") + HEADER.format.strip("!"))

    def _told(self, ack: Ack) -> Ack:
        number = add(ack.number, -1) if self.names == "last" else ack.number
        if self.credit == "limit":
            return Ack(number, add(ack.number, ack.credit) & MOST)
        return Ack(number, ack.credit * self._unit)

    def _meant(self, ack: Ack) -> Ack:
        number = add(ack.number, 1) if self.names == "last" else ack.number
        if self.credit == "limit":
            return Ack(number, (ack.credit - number) & MOST)
        return Ack(number, ack.credit // self._unit)

    @property
    def _unit(self) -> int:
        return CARD if self.credit == "bytes" else 1
