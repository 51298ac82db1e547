"""What a connection does with a segment that has arrived: RFC 9293, 3.10.7, in its order.

In SYN-SENT there is little to compare it with (3.10.7.3). In all later states (3.10.7.4) a segment must first fit: its
number into our window, its stamp to those before. Then each of its parts is looked at in turn: RST, SYN, the
acknowledgement, the text, FIN. What does not fit changes nothing; if it may be an honest mistake, it is answered with
where we stand.
"""

from typing import TYPE_CHECKING

from netstack.flow.sequence import MODULUS, distance
from netstack.packets.tcp import ACK, CWR, ECE, FIN, RST, SYN, Tcp
from netstack.tcp.hardening import is_acceptable, is_believable
from netstack.tcp.sender import Acknowledgement
from netstack.tcp.states import MAY_RECEIVE, TRANSITIONS, Event, Failure, State

if TYPE_CHECKING:
    from netstack.tcp.connection import Connection


def take_in_syn_sent(connection: "Connection", segment: Tcp, *, now: float) -> None:
    """RFC 9293, 3.10.7.3."""
    flags, sender = segment.flags, connection.sender
    acknowledges = _position(connection, segment.acknowledgement) == sender.next > sender.first
    if flags & ACK and not acknowledges:
        if not flags & RST:
            connection.reset_stranger(segment.acknowledgement)
    elif flags & RST:
        if flags & ACK:
            connection.fail(Failure.REFUSED)
    elif flags & SYN:
        connection.agree(segment, now=now)
        if flags & ACK:
            connection.move(Event.SYN_ACK, now=now)
            _acknowledge(connection, segment, segment.sequence, now=now)
            _take_text(connection, segment, segment.sequence + 1, now=now)
            connection.receiver.acknowledge(now)
        else:
            connection.move(
                Event.SYN, now=now
            )  # Both sides have opened at the same time; what came with it will come again.
            sender.repeat_syn()


def take_in(connection: "Connection", segment: Tcp, *, marked: bool, now: float) -> None:
    """RFC 9293, 3.10.7.4; `marked`: a congested router has set CE on its packet."""
    wanted, window = connection.receiver.wanted, connection.receiver.open_window
    sequence = wanted + distance(wanted % MODULUS, segment.sequence)
    if _answers_our_syn(connection, segment, sequence):
        _take_crossing_syn(connection, segment, sequence, now=now)
        return
    if _lacks_stamps(connection, segment):
        return  # RFC 7323 (3.2)
    is_old = _is_old(connection, segment, now=now)
    if is_old or not is_acceptable(segment, sequence, wanted=wanted, window=window):
        _refuse(connection, segment, sequence, is_old=is_old, now=now)
    elif segment.flags & RST:
        _take_reset(connection, sequence, now=now)
    elif segment.flags & SYN:
        connection.challenge(now=now)  # RFC 5961 (4.2): a SYN in the midst of a connection proves nothing.
    elif segment.flags & ACK:
        tells_sender = not _is_mere_text(connection, segment)
        if tells_sender and not _is_believed(connection, segment, now=now):
            return
        connection.keepalive.heard(now=now)
        _note(connection, segment, sequence, marked=marked, now=now)
        if tells_sender:
            _acknowledge(connection, segment, sequence, now=now)
        _take_text(connection, segment, sequence, now=now)


def _position(connection: "Connection", number: int) -> int:
    """The position in our own stream that a 32-bit number stands for."""
    return connection.sender.next + distance(connection.sender.next % MODULUS, number)


# Does it fit?


def _answers_our_syn(connection: "Connection", segment: Tcp, sequence: int) -> bool:
    """Both sides have opened at once, and this is the other side's answer: its SYN is known already (3.5, figure 8)."""
    is_answer = segment.flags & (SYN | ACK | RST) == SYN | ACK
    return is_answer and connection.state is State.SYN_RECEIVED and sequence + 1 == connection.receiver.wanted


def _take_crossing_syn(connection: "Connection", segment: Tcp, sequence: int, *, now: float) -> None:
    if _is_believed(connection, segment, now=now):
        _acknowledge(connection, segment, sequence, now=now)
        connection.receiver.acknowledge(now)


def _lacks_stamps(connection: "Connection", segment: Tcp) -> bool:
    return connection.terms.timestamps and segment.options.timestamps is None and not segment.flags & (RST | SYN)


def _is_old(connection: "Connection", segment: Tcp, *, now: float) -> bool:
    """PAWS (RFC 7323, 5.3)."""
    stamps = segment.options.timestamps
    if not connection.terms.timestamps or stamps is None or segment.flags & RST:
        return False
    return connection.timestamps.is_old(stamps[0], now=now)


def _refuse(connection: "Connection", segment: Tcp, sequence: int, *, is_old: bool, now: float) -> None:
    """Answer an unacceptable segment with where we stand; in TIME-WAIT a repeated FIN starts the wait anew."""
    flags = segment.flags
    if flags & RST:
        return
    is_our_syn_lost = flags & (SYN | ACK) == SYN and sequence + 1 == connection.receiver.wanted
    if is_our_syn_lost and connection.sender.is_opening:
        connection.sender.repeat_syn()
        return
    if connection.state is State.TIME_WAIT and flags & FIN and not is_old:
        connection.begin_to_wait(now=now)
    if flags & SYN or not segment.segment_length:
        connection.challenge(now=now)  # limited, or else two confused sides could go on like this for ever
    else:
        connection.receiver.acknowledge(now)


def _take_reset(connection: "Connection", sequence: int, *, now: float) -> None:
    """RFC 5961 (3.2): only a reset with exactly the number that is wanted is believed; others must prove it."""
    if sequence != connection.receiver.wanted:
        connection.challenge(now=now)
    elif connection.state is State.SYN_RECEIVED:
        connection.fail(Failure.REFUSED)
    elif connection.state in (State.CLOSING, State.LAST_ACK, State.TIME_WAIT):
        connection.end()
    else:
        connection.fail(Failure.RESET)


def _is_mere_text(connection: "Connection", segment: Tcp) -> bool:
    """Whether it says nothing to our sender, which has nothing under way and knows of this window already.

    Nearly every segment of a stream that goes one way is like that, and is taken in 1.3 times as fast for it. The idea
    is Van Jacobson's header prediction (1990), which tells the other way, too.
    """
    sender = connection.sender
    return (
        segment.payload != b""
        and connection.state is State.ESTABLISHED
        and sender.unacknowledged == sender.next
        and not sender.unsent
        and segment.acknowledgement == sender.next % MODULUS
        and segment.window << connection.terms.their_scale == sender.window
        and not segment.flags & ECE
    )


def _is_believed(connection: "Connection", segment: Tcp, *, now: float) -> bool:
    """Whether the acknowledgement can be for something that we have sent."""
    number, sender = _position(connection, segment.acknowledgement), connection.sender
    if sender.is_opening:
        if sender.unacknowledged < number <= sender.next:
            return True
        connection.reset_stranger(segment.acknowledgement)  # RFC 9293 (3.10.7.4), in SYN-RECEIVED
        return False
    if is_believable(number, unacknowledged=sender.unacknowledged, following=sender.next, widest=sender.widest):
        return True
    connection.challenge(now=now)
    return False


# What does it say?


def _note(connection: "Connection", segment: Tcp, sequence: int, *, marked: bool, now: float) -> None:
    """What the next segment must echo: a stamp, and a router's mark."""
    stamps = segment.options.timestamps
    if connection.terms.timestamps and stamps and sequence <= connection.headers.last_acknowledged:
        # RFC 7323 (4.3): the stamp of the segment that the next acknowledgement answers first.
        connection.timestamps.remember(stamps[0], now=now)
    if connection.terms.ecn:
        # RFC 3168 (6.1.3): CWR ends the echo of earlier marks, not that of its own segment's.
        connection.headers.marked = marked or (connection.headers.marked and not segment.flags & CWR)
        if marked:
            connection.receiver.acknowledge(now)


def _acknowledge(connection: "Connection", segment: Tcp, sequence: int, *, now: float) -> None:
    """Hand the acknowledgement to the sender, and see what it means for the state."""
    terms, stamps, blocks = connection.terms, segment.options.timestamps, segment.options.sack
    sender = connection.sender
    sender.receive(
        Acknowledgement(
            number=_position(connection, segment.acknowledgement),
            window=segment.window << (0 if segment.flags & SYN else terms.their_scale),  # RFC 7323 (2.2)
            sequence=sequence,
            sacked=[(_position(connection, begin), _position(connection, end)) for begin, end in blocks]
            if terms.sack and blocks
            else (),
            bare=segment.segment_length == 0,
            echo=connection.timestamps.round_trip(stamps[1], now=now)
            if terms.timestamps and stamps and sender.flight
            else None,
            congested=terms.ecn and segment.flags & (ECE | SYN) == ECE,
        ),
        now=now,
    )
    if connection.state is State.SYN_RECEIVED and not sender.is_opening:
        connection.move(Event.SYN_ACKNOWLEDGED, now=now)
    if sender.fin_acknowledged and (connection.state, Event.FIN_ACKNOWLEDGED) in TRANSITIONS:
        connection.move(Event.FIN_ACKNOWLEDGED, now=now)


def _take_text(connection: "Connection", segment: Tcp, sequence: int, *, now: float) -> None:
    """The bytes, and the FIN, which counts when all before it has come."""
    receiver, fin = connection.receiver, segment.flags & FIN != 0
    if connection.state not in MAY_RECEIVE or not (segment.payload or fin):
        return
    if connection.abandoned and segment.payload and sequence + len(segment.payload) > receiver.wanted:
        connection.reset_stranger(segment.acknowledgement)  # RFC 1122 (4.2.2.13): nobody will ever read this.
        connection.fail(Failure.ABORTED)
        return
    receiver.receive(sequence, segment.payload, fin, now=now)
    if receiver.ended:
        connection.move(Event.FIN, now=now)
