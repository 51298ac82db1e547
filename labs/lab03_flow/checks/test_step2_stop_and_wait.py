"""Step 2: one card at a time, and the next when the last has been read."""

from collections.abc import Iterable, Iterator

import pytest

from labs.lab03_flow.evidence import expect_all_in_order, heard, most_waiting, named, said, seconds
from labs.lab03_flow.peers import against_us, cards_by, in_a_script
from labs.lab03_flow.peers import frame as in_frame
from labs.lab03_flow.scenes import cards, lunch, stream
from labs.story.trace import FrameEvent, Trace
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.flow.messages import Ack, Data, Message
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("2")

TIMEOUT = 300 * MILLISECOND
ONE_WAY = 21 * MILLISECOND


@pytest.mark.seeds(1)
def test_the_waiting_sender_by_itself(judge: Judge) -> None:
    """`Sender` has one message under way, repeats it in time, and knows its acknowledgement from an old one."""
    script = Script("sender")
    zero, one, seven = (in_a_script(script, Ack(number)) for number in (0, 1, 7))
    script.make("stop_and_wait.Sender", 0.3, store="sender")
    script.call("sender.may_send", returns=True, because="nothing is under way", label="free")
    script.call("sender.next_timer", returns=None, because="so there is nothing to wait for", label="no-timer")
    because = "nothing is under way that it could acknowledge"
    script.call("sender.receive", one, keywords={"now": 0.5}, returns=False, because=because, label="idle")
    first = Data(0, b"Ada")
    now = {"now": 1.0}
    script.call("sender.send", b"Ada", keywords=now, returns=first, because="numbers begin with 0", label="first")
    script.call("sender.may_send", returns=False, because="one is under way", label="busy")
    script.call("sender.send", b"Grace", keywords=now, raises="Busy", because="one is under way", label="raises")
    script.call("sender.next_timer", returns=1.3, because="0.3 s after it was sent", label="timer")
    script.call("sender.handle_timer", keywords={"now": 1.2}, returns=None, because="not yet", label="early")
    script.call("sender.handle_timer", keywords={"now": 1.3}, returns=first, because="the same again", label="repeat")
    script.call("sender.next_timer", returns=1.6, because="and again 0.3 s later", label="timer-again")
    script.call("sender.handle_timer", keywords={"now": 1.75}, returns=first, because="a little late", label="late")
    script.call("sender.next_timer", returns=2.05, because="0.3 s after it was called", label="anew")
    late = {"now": 1.8}
    script.call(
        "sender.receive",
        zero,
        keywords=late,
        returns=False,
        because="0 is under way: who wants 0 has it not",
        label="old",
    )
    because = "0 is under way: only 1 can come after it"
    script.call("sender.receive", seven, keywords=late, returns=False, because=because, label="odd")
    script.call("sender.may_send", returns=False, because="0 is still under way", label="still-busy")
    script.call("sender.receive", one, keywords=late, returns=True, because="who wants 1 has read 0", label="acked")
    script.call("sender.next_timer", returns=None, because="nothing is under way", label="timer-stopped")
    second = Data(1, b"Grace")
    script.call("sender.send", b"Grace", keywords=late, returns=second, because="after 0 comes 1", label="second")
    script.call(
        "sender.receive", one, keywords=late, returns=False, because="the same acknowledgement once more", label="twice"
    )
    script.call("sender.receive", zero, keywords=late, returns=True, because="who wants 0 has read 1", label="acked-1")
    third = Data(0, b"Edsger")
    script.call("sender.send", b"Edsger", keywords=late, returns=third, because="after 1 comes 0", label="third")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_the_waiting_receiver_by_itself(judge: Judge) -> None:
    """`Receiver` takes each message once, and acknowledges when the reader has read it."""
    script = Script("receiver")
    zero, one = in_a_script(script, Data(0, b"Ada")), in_a_script(script, Data(1, b"Grace"))
    script.make("stop_and_wait.Receiver", store="receiver")
    script.call("receiver.receive", zero, returns=b"Ada", because="0 is wanted first", label="first")
    script.call("receiver.ack", returns=None, because="the reader has not read it", label="silent")
    script.call("receiver.receive", zero, returns=None, because="it is a repeat", label="repeat-unread")
    script.call("receiver.ack", returns=None, because="the reader has still not read it", label="still-silent")
    because = "he is still at the first: there is no place for another"
    script.call("receiver.receive", one, returns=None, because=because, label="one-place")
    script.call("receiver.consumed", because="now he has", label="consumed")
    script.call("receiver.ack", returns=Ack(1), because="so 1 is wanted", label="ack")
    script.call("receiver.receive", zero, returns=None, because="it is a repeat", label="repeat-read")
    script.call("receiver.ack", returns=Ack(1), because="our answer was lost: it is said again", label="ack-again")
    script.call("receiver.receive", one, returns=b"Grace", because="1 is wanted", label="second")
    script.call("receiver.consumed", because="read", label="consumed-1")
    script.call("receiver.ack", returns=Ack(0), because="so 0 is wanted", label="ack-1")
    judge.unit(script)


@pytest.mark.seeds(2)
def test_one_at_a_time(judge: Judge) -> None:
    """Against the judge's *players*, which thinks long, forgets some, and says old things twice: one card at a time."""
    source = judge.random
    sent = cards(8, source)
    thinks = [source.randrange(5, 900) * MILLISECOND for _ in sent]
    wanted, busy_until = 0, 0

    def respond(message: Message, now: int) -> Iterator[tuple[int, Message]]:
        nonlocal wanted, busy_until
        match message:
            case Data(number) if number == wanted % 2 and now >= busy_until and wanted < len(thinks):
                busy_until = now + thinks[wanted]
                wanted += 1
                yield busy_until, Ack(wanted % 2)
                yield busy_until + ONE_WAY, Ack(wanted % 2)  # by then the next one is under way
            case Data() if now >= busy_until:
                yield now, Ack(wanted % 2)

    whole = cards_by("stop_and_wait")
    trace = judge.play(against_us(whole, "b", name="one-at-a-time", payloads=sent, respond=respond, seconds=20))
    found = list(said(trace, "a-b"))
    expected = list(_expected(sent, _answers(trace)))
    for n, (at, message) in enumerate(expected):
        frame, seen = found[n] if n < len(found) else (None, None)
        is_repeat = n > 0 and expected[n - 1][1] == message
        right = frame is not None and (frame.at, seen) == (at, message)
        judge.expect(
            _what_went_wrong(message, is_repeat, frame, seen, at),
            right,
            f"at {seconds(at)} it sends {'once more ' if is_repeat else ''}number {message.number}",
            found=f"at {seconds(frame.at)} it sent {_short(seen)}" if frame else "it sent nothing more",
            frame=frame,
            wanted=in_frame("a", message),
        )
    judge.expect("wait:more", len(found) == len(expected), "after the last acknowledgement it sends nothing")
    judge.bites("a card had to be repeated", len(found) > len(sent))


def _answers(trace: Trace) -> list[tuple[int, Message]]:
    return heard(trace, "b-a")


def _expected(sent: list[bytes], answers: Iterable[tuple[int, Message]]) -> Iterator[tuple[int, Data]]:
    """What a right sender sends, and when, given what it hears."""
    at, number = 0, 0
    times = iter([(when, ack) for when, ack in answers if isinstance(ack, Ack)])
    for payload in sent:
        data = Data(number, payload)
        read = next((when for when, ack in times if ack.number != number), None)
        for repeat in range(at, read if read is not None else at + 1, TIMEOUT):
            yield repeat, data
        if read is None:
            return
        at, number = read, 1 - number


def _what_went_wrong(wanted: Data, is_repeat: bool, frame: FrameEvent | None, seen: Message | None, at: int) -> str:
    if frame is None or frame.at > at:
        return "wait:repeat" if is_repeat else "wait:next"
    if frame.at < at:
        return "wait:early"
    same_payload = isinstance(seen, Data) and seen.payload == wanted.payload
    return "wait:number" if same_payload else "wait:other"


def _short(message: Message | None) -> str:
    return f"number {message.number}, {message.payload[:12]!r}…" if isinstance(message, Data) else str(message)


@pytest.mark.seeds(2)
def test_acknowledged_when_read(judge: Judge) -> None:
    """Against the judge's *teams*: an acknowledgement leaves when the reader has read the card, and not before."""
    source = judge.random
    back = source.randrange(800, 1500) * MILLISECOND
    one, two = cards(2, source)
    opening = [(n * TIMEOUT, Data(0, one)) for n in range(6)] + [
        (2 * SECOND, Data(1, two)),
        (2100 * MILLISECOND, Data(1, two)),
    ]
    whole, reader = cards_by("stop_and_wait"), lunch(0.0, back / SECOND)
    trace = judge.play(against_us(whole, "a", name="when-read", opening=opening, reader=reader, seconds=5))
    early = [frame for frame, _ in said(trace, "b-a") if frame.at < back]
    judge.expect(
        "read:early",
        not early,
        f"nothing is acknowledged before the reader is back from lunch, at {seconds(back)}",
        found=f"{named(early[0])} came too early" if early else "",
        frame=early[0] if early else None,
    )
    judge.expect(
        "read:once",
        trace.delivered("b") == [one, two],
        "the reader is handed each card once",
        found=f"{len(trace.delivered('b'))} were handed over",
    )
    repeats = [at for at, message in heard(trace, "a-b") if message == Data(0, one) and at > back]
    wanted = [(back, Ack(1)), *((at, Ack(1)) for at in repeats)]
    wanted += [(at, Ack(0)) for at, message in heard(trace, "a-b") if message == Data(1, two)]
    found = [(frame.at, message) for frame, message in said(trace, "b-a")]
    judge.expect(
        "read:answer",
        found == wanted,
        "it is acknowledged at once when it has been read; and once more for each repeat that comes after that",
        found=f"b said {[(seconds(at), str(message)) for at, message in found]}",
    )


def test_a_bad_line_and_a_slow_reader(judge: Judge) -> None:
    """A line that loses and doubles, a reader that is slow: every card once, in order, never two on the desk."""
    source = judge.random
    sent = cards(16, source)
    reader = lunch(0.4, 1.3, every=0.07)
    scene = stream("stop_and_wait", sent, reader=reader, link={"loss": 8, "duplicate": 8}, name="bad-line")
    faults = f"drop a-b:data:{source.randint(2, 12)}", f"drop b-a:ack:{source.randint(2, 12)}"
    trace = judge.play(scene.scripted(*faults))
    expect_all_in_order(judge, trace, sent)
    waiting = most_waiting(trace)
    judge.expect("bound:queue", waiting <= 1, "never more than one card waits for the reader", found=f"{waiting} did")
    reads = [event.at for event in trace.at_port("consumed", "b")]
    early = [
        frame
        for frame, message in said(trace, "b-a")
        if isinstance(message, Ack) and message.number != sum(at <= frame.at for at in reads) % 2
    ]
    judge.expect(
        "read:early",
        not early,
        "what is acknowledged has been read",
        found=f"{len(early)} acknowledgements came too early",
        frame=early[0] if early else None,
    )
    judge.bites("a card was lost", any(frame.lost for frame in trace.frames("a-b", "data")))
    judge.bites("an acknowledgement was lost", any(frame.lost for frame in trace.frames("b-a", "ack")))
