"""The headers of all segments of a connection: what each one says beside its own bytes.

Whatever is sent carries along what is to be said now: which number is wanted, how much may come, the time, what has
come beyond a gap, and whether a congested router has marked something. So an acknowledgement is a segment with nothing
in it, and every segment is an acknowledgement.
"""

from dataclasses import dataclass

from netstack.flow.sequence import MODULUS
from netstack.packets.tcp import ACK, CWR, ECE, NO_OPTIONS, SYN, Options, Tcp
from netstack.tcp.isn import Endpoint
from netstack.tcp.negotiation import STAMPS, Terms
from netstack.tcp.receiver import Receiver
from netstack.tcp.timestamps import Timestamps

BLOCK = 8  # bytes of options that each block of SACK takes, beside 4 for the option


@dataclass(slots=True, kw_only=True)
class Headers:
    """Writes segments from `local` to `remote`. Sequence numbers are positions in our stream, times seconds."""

    local: Endpoint
    remote: Endpoint
    receiver: Receiver
    timestamps: Timestamps
    offered: Options
    """What our SYN says."""
    terms: Terms = Terms()
    marked: bool = False
    """A segment came with a congested router's mark: echo it (ECE) until CWR comes (RFC 3168, 6.1.3)."""
    last_acknowledged: int = 0
    """Last.ACK.sent (RFC 7323, 4.3)."""

    def syn(self, number: int, *, is_answer: bool, asks_for_ecn: bool, now: float) -> Tcp:
        """Our SYN; as an answer, it acknowledges the other side's."""
        flags = SYN | ACK if is_answer else SYN
        if is_answer and self.terms.ecn:
            flags |= ECE
        elif asks_for_ecn and not is_answer:
            flags |= ECE | CWR
        offered = self.offered
        stamps = self._stamps(now) if offered.timestamps else None
        options = Options(offered.mss, offered.window_scale, offered.sack_permitted, (), stamps)
        self.last_acknowledged = self.receiver.wanted if is_answer else 0
        return self.bare(number, self.last_acknowledged, flags, self.receiver.announce_unscaled(), b"", options)

    def segment(self, number: int, flags: int, payload: bytes = b"", *, now: float) -> Tcp:
        """Any segment once the handshake has begun."""
        receiver = self.receiver
        window = receiver.announce() >> receiver.scale
        self.last_acknowledged = wanted = receiver.wanted
        if self.marked:
            flags |= ECE
        options = self._options(self.terms.longest - len(payload), now)
        return self.bare(number, wanted, flags, window, payload, options)

    def _options(self, room: int, now: float) -> Options:
        """Stamps, and as many blocks of SACK as fit: into the header's 40 bytes, and beside a payload."""
        stamps = self._stamps(now) if self.terms.timestamps else None
        blocks = self.receiver.blocks() if self.terms.sack else []
        if blocks:
            most = max(0, (min(room, 40) - (STAMPS if stamps else 0) - 4) // BLOCK)
            wrapped = tuple((begin % MODULUS, end % MODULUS) for begin, end in blocks[:most])
            return Options(None, None, False, wrapped, stamps)
        return Options(None, None, False, (), stamps) if stamps else NO_OPTIONS

    def _stamps(self, now: float) -> tuple[int, int]:
        return self.timestamps.value(now), self.timestamps.recent

    def bare(
        self,
        number: int,
        acknowledgement: int,
        flags: int,
        window: int = 0,
        payload: bytes = b"",
        options: Options = NO_OPTIONS,
    ) -> Tcp:
        """A segment that says no more than it is told to."""
        return Tcp(
            self.local[1],
            self.remote[1],
            number % MODULUS,
            acknowledgement % MODULUS,
            flags,
            window,
            payload,
            options,
        )
