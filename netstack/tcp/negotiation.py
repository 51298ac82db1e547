"""What two ends agree on by the options and flags of their SYNs.

Each offers what it can; whatever both have offered is in force (RFC 7323, 1.3 and 2.2; RFC 2018, 2). The segment size
is no agreement: each side says what it can take, and says nothing of what it will send (RFC 9293, 3.7.1). Explicit
congestion notification is asked for by two flags and granted by one of them (RFC 3168, 6.1.1).
"""

from dataclasses import dataclass

from netstack.packets.tcp import ACK, CWR, ECE, Options, Tcp
from netstack.tcp.settings import Settings

DEFAULT_MSS = 536  # RFC 9293 (3.7.1): of whoever says nothing
LEAST_MSS = 88  # Linux's TCP_MIN_MSS: whoever says less would have us send nothing but headers
STAMPS = 12  # bytes of options that timestamps take


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is in force. `longest` is the payload and the options of one segment together, in bytes."""

    longest: int = DEFAULT_MSS
    timestamps: bool = False
    sack: bool = False
    ecn: bool = False
    our_scale: int = 0
    their_scale: int = 0

    @property
    def payload(self) -> int:
        """The longest payload: what is announced counts no options, so they take their room from it (RFC 6691)."""
        return self.longest - (STAMPS if self.timestamps else 0)


def offer(settings: Settings) -> Options:
    """What our SYN says; the caller fills in the stamps."""
    return Options(
        mss=settings.mss,
        window_scale=scale_for(settings.receive_buffer) if settings.window_scale else None,
        sack_permitted=settings.sack,
        timestamps=(0, 0) if settings.timestamps else None,
    )


def answer(ours: Options, theirs: Options) -> Options:
    """What our answer to a SYN says: of what we offer, what the other side has offered too."""
    return Options(
        mss=ours.mss,
        window_scale=ours.window_scale if theirs.window_scale is not None else None,
        sack_permitted=ours.sack_permitted and theirs.sack_permitted,
        timestamps=ours.timestamps if theirs.timestamps else None,
    )


def agree(settings: Settings, ours: Options, syn: Tcp) -> Terms:
    """What comes of our offer and of the SYN that has arrived."""
    theirs = syn.options
    both_scale = ours.window_scale is not None and theirs.window_scale is not None
    says = DEFAULT_MSS if theirs.mss is None else max(theirs.mss, LEAST_MSS)
    return Terms(
        longest=min(says, settings.mss),
        timestamps=bool(ours.timestamps and theirs.timestamps),
        sack=ours.sack_permitted and theirs.sack_permitted,
        ecn=settings.ecn and asks_for_ecn(syn.flags),
        our_scale=(ours.window_scale or 0) if both_scale else 0,
        their_scale=(theirs.window_scale or 0) if both_scale else 0,
    )


def asks_for_ecn(flags: int) -> bool:
    """Whether a SYN asks for ECN, or an answer grants it: one with both flags comes from a mere reflector."""
    return flags & (ECE | CWR) == (ECE if flags & ACK else ECE | CWR)


def scale_for(capacity: int) -> int:
    """The least shift with which a window of `capacity` bytes can be written in 16 bits (RFC 7323, 2)."""
    return min(14, max(0, (capacity - 1).bit_length() - 16))
