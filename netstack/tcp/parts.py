"""Of what parts a connection is made: ours by default, a student's one by one in their place."""

from collections.abc import Callable
from dataclasses import dataclass

from netstack.tcp.congestion import Congestion
from netstack.tcp.loss import Counting, Detector, DuplicateAcks
from netstack.tcp.probes import TailProbe
from netstack.tcp.rack import Rack
from netstack.tcp.reassembler import Reassembler
from netstack.tcp.receiver import Receiver
from netstack.tcp.recovery import Recovery
from netstack.tcp.rtt import RoundTrip
from netstack.tcp.sender import Sender
from netstack.tcp.settings import Settings


def make_receiver(first: int, settings: Settings) -> Receiver:
    """The receiving half; `first` is the number after the other side's SYN."""
    return Receiver(
        capacity=settings.receive_buffer,
        reassembler=Reassembler(first),
        delayed_ack=settings.delayed_ack,
        quick_acks=settings.quick_acks,
    )


def make_sender(first: int, settings: Settings) -> Sender:
    """The sending half; `first` is the number of our SYN."""

    def make_congestion(mss: int) -> Congestion:
        return settings.congestion(mss, initial_window(mss, settings.initial_window))

    detector: Detector = DuplicateAcks()
    if settings.sack:
        detector = Rack() if settings.rack else Counting()
    return Sender(
        first=first,
        mss=settings.mss,
        capacity=settings.send_buffer,
        round_trip=RoundTrip(least=settings.least_timeout, most=settings.longest_timeout, first=settings.first_timeout),
        recovery=Recovery(mss=settings.mss, make_congestion=make_congestion, detector=detector, recover=first),
        tail=TailProbe(enabled=settings.sack and settings.rack),
        nagle=settings.nagle,
        user_timeout=settings.user_timeout,
        syn_retries=settings.syn_retries,
    )


def initial_window(mss: int, segments: int) -> int:
    """RFC 6928 (2): so many segments, and no more than 14,600 bytes unless two segments are more."""
    return min(segments * mss, max(2 * mss, segments * 1460))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """How to make the two halves of a connection."""

    sender: Callable[[int, Settings], Sender] = make_sender
    receiver: Callable[[int, Settings], Receiver] = make_receiver


OURS = Parts()
