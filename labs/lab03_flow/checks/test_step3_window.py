"""Step 3: several cards on the way, and in order at the other end whatever the wire does."""

import itertools

import pytest

from labs.lab03_flow.evidence import expect_all_in_order, goodput, heard, named, said, seconds, sent_again
from labs.lab03_flow.peers import against_us, cards_by, in_a_script
from labs.lab03_flow.peers import frame as in_frame
from labs.lab03_flow.scenes import cards, stream
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.flow.messages import Ack, Data, Message
from netstack.flow.sequence import MODULUS, add
from netstack.wire import MILLISECOND

pytestmark = pytest.mark.step("3")

TIMEOUT = 300 * MILLISECOND
ONE_WAY = 21 * MILLISECOND


@pytest.mark.seeds(1)
def test_the_window_sender_by_itself(judge: Judge) -> None:
    """`Sender` numbers, counts what is under way, and has one timer, for the oldest."""
    script = Script("sender")
    acks = {n: in_a_script(script, Ack(n)) for n in (5, 6, 9)}
    a, b, c, d = Data(5, b"Ada"), Data(6, b"Grace"), Data(7, b"Edsger"), Data(8, b"Leslie")
    script.make("window.Sender", store="sender", keywords={"size": 3, "timeout": 0.3, "first": 5})
    script.get("sender.next_number", returns=5, because="the first number is 5", label="first")
    script.call("sender.next_timer", returns=None, because="nothing is under way", label="no-timer")
    script.call("sender.send", b"Ada", keywords={"now": 1.0}, returns=a, because="it has number 5", label="five")
    script.call("sender.send", b"Grace", keywords={"now": 1.1}, returns=b, because="then 6", label="six")
    script.get("sender.in_flight", returns=2, because="two are under way", label="two")
    script.call("sender.may_send", returns=True, because="three may be", label="free")
    script.call("sender.send", b"Edsger", keywords={"now": 1.2}, returns=c, because="then 7", label="seven")
    script.call("sender.may_send", returns=False, because="three are under way", label="full")
    now = {"now": 1.2}
    script.call(
        "sender.send", b"Leslie", keywords=now, raises="WindowFull", because="the window is full", label="raises"
    )
    script.call("sender.next_timer", returns=1.3, because="0.3 s after the oldest was sent", label="timer")
    script.call("sender.receive", acks[6], keywords={"now": 1.25}, returns=1, because="5 has arrived", label="one")
    script.get("sender.in_flight", returns=2, because="6 and 7 are under way", label="two-again")
    script.call("sender.next_timer", returns=1.55, because="good news starts the timer anew", label="restart")
    script.call("sender.receive", acks[6], keywords={"now": 1.3}, returns=0, because="that is no news", label="old")
    script.call("sender.receive", acks[5], keywords={"now": 1.3}, returns=0, because="even older", label="older")
    script.call("sender.receive", acks[9], keywords={"now": 1.3}, returns=0, because="8 was never sent", label="never")
    script.call("sender.next_timer", returns=1.55, because="none of that is good news", label="no-restart")
    script.get("sender.in_flight", returns=2, because="nor does it move the window", label="unmoved")
    script.call("sender.handle_timer", keywords={"now": 1.5}, returns=None, because="not yet", label="early")
    script.call(
        "sender.handle_timer", keywords={"now": 1.55}, returns=b, because="the oldest, once more", label="repeat"
    )
    script.call("sender.next_timer", returns=1.85, because="and again 0.3 s later", label="again")
    script.call("sender.handle_timer", keywords={"now": 1.95}, returns=b, because="a little late", label="late")
    script.call("sender.next_timer", returns=2.25, because="0.3 s after it was called", label="anew")
    script.call("sender.send", b"Leslie", keywords={"now": 2.0}, returns=d, because="then 8", label="eight")
    script.call("sender.receive", acks[9], keywords={"now": 2.1}, returns=3, because="one for all three", label="all")
    script.call("sender.next_timer", returns=None, because="nothing is under way", label="stopped")
    script.call("sender.send", b"Maria", keywords={"now": 2.2}, returns=Data(9, b"Maria"), because="then 9")
    script.call("sender.next_timer", returns=2.5, because="0.3 s after it was sent: it is the oldest", label="fresh")
    judge.unit(script)


@pytest.mark.seeds(2)
def test_the_window_receiver_by_itself(judge: Judge) -> None:
    """`Receiver` hands over in order, each number once, and keeps at most a window of what is early."""
    source = judge.random
    size, first = source.randint(4, 9), source.randrange(1000)
    arrivals = [first + 1 + n for n in range(size - 1)]
    source.shuffle(arrivals)
    script = Script("receiver")
    script.make("window.Receiver", store="receiver", keywords={"size": size, "first": first})
    script.get("receiver.wanted", returns=first, because="the first number is wanted", label="first")
    for n, number in enumerate(arrivals):
        early = in_a_script(script, Data(number, b"%d" % number))
        script.call("receiver.receive", early, returns=[], because=f"{first} is still missing", label=f"early-{n}")
    script.get("receiver.wanted", returns=first, because=f"{first} is still missing", label="blocked")
    gap = in_a_script(script, Data(first, b"%d" % first))
    ready = [b"%d" % (first + n) for n in range(size)]
    script.call("receiver.receive", gap, returns=ready, because="now all are in order", label="ready")
    script.get("receiver.wanted", returns=first + size, because="all before it were handed over", label="wanted")
    script.call("receiver.receive", gap, returns=[], because="that was handed over already", label="old")
    judge.unit(script)
    judge.unit(_two_places())
    judge.unit(_nothing_on_it())
    judge.unit(_five_places_round_the_circle())


def _two_places() -> Script:
    script = Script("two places")
    script.make("window.Receiver", store="receiver", keywords={"size": 2})
    zero, one, two = (in_a_script(script, Data(n, b"%d" % n)) for n in range(3))
    script.call("receiver.receive", two, returns=[], because="0 and 1 are missing", label="beyond")
    script.call("receiver.receive", one, returns=[], because="0 is missing", label="early")
    ready = [b"0", b"1"]
    script.call("receiver.receive", zero, returns=ready, because="2 places were 0 and 1: 2 had none", label="bounded")
    script.call("receiver.receive", two, returns=[b"2"], because="now it is wanted", label="next")
    return script


def _nothing_on_it() -> Script:
    """A card may have nothing on it; and what one receiver keeps is no other's."""
    script = Script("empty cards")
    script.make("window.Receiver", store="receiver", keywords={"size": 4})
    zero, one, two = (in_a_script(script, Data(n, text)) for n, text in enumerate((b"", b"1", b"")))
    script.call("receiver.receive", zero, returns=[b""], because="it is the one wanted, and empty", label="empty")
    script.call("receiver.receive", two, returns=[], because="1 is missing", label="early")
    script.call("receiver.receive", one, returns=[b"1", b""], because="an empty one was kept", label="kept")
    script.call("receiver.receive", in_a_script(script, Data(4, b"4")), returns=[], because="3 is missing")
    script.make("window.Receiver", store="other", keywords={"size": 4, "first": 3})
    three = in_a_script(script, Data(3, b"3"))
    script.call("other.receive", three, returns=[b"3"], because="this one was never sent 4", label="own")
    return script


def _five_places_round_the_circle() -> Script:
    """2 to the power of 32 is no multiple of 5: places that are counted by remainders do not come round evenly."""
    script = Script("round the circle")
    first = MODULUS - 2
    script.make("window.Receiver", store="receiver", keywords={"size": 5, "first": first})
    numbers = [add(first, n) for n in range(5)]
    for number in reversed(numbers[1:]):
        early = in_a_script(script, Data(number, b"%d" % number))
        script.call("receiver.receive", early, returns=[], because=f"{first} is missing", label="early")
    last = in_a_script(script, Data(first, b"%d" % first))
    ready = [b"%d" % number for number in numbers]
    script.call("receiver.receive", last, returns=ready, because="now all are in order", label="ready")
    script.get("receiver.wanted", returns=3, because="4294967295 was followed by 0", label="wanted")
    return script


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_what_is_under_way(judge: Judge) -> None:
    """Against the judge's *players*: the window fills, stands, moves, and only the oldest card is repeated."""
    source = judge.random
    size = source.randint(5, 12)
    sent = cards(3 * size, source)
    some = source.randint(2, size - 1)
    opening = [
        (100 * MILLISECOND, Ack(some, size)),
        (150 * MILLISECOND, Ack(some - 1, size)),  # an old one, come late
        (160 * MILLISECOND, Ack(some + size + 1, size)),  # for what was never sent
        (900 * MILLISECOND, Ack(some + size, size)),
    ]
    scene = against_us(
        cards_by("window"), "b", name="window-full", payloads=sent, opening=opening, window=size, seconds=1.1
    )
    trace = judge.play(scene)
    news = [at for at, _ in heard(trace, "b-a")]
    wanted = [(0, n) for n in range(size)]
    wanted += [(news[0], n) for n in range(size, size + some)]
    wanted += [(at, some) for at in range(news[0] + TIMEOUT, news[3], TIMEOUT)]
    wanted += [(news[3], n) for n in range(size + some, min(2 * size + some, len(sent)))]
    found = [(frame, message.number) for frame, message in said(trace, "a-b") if isinstance(message, Data)]
    for n, (at, number) in enumerate(wanted):
        frame, seen = found[n] if n < len(found) else (None, None)
        judge.expect(
            _stage(n, size, some, at, number),
            frame is not None and (frame.at, seen) == (at, number),
            f"at {seconds(at)} number {number} is sent{' once more' if (0, number) in wanted[:n] else ''}",
            found=f"{named(frame)} has the number {seen}" if frame else "nothing more was sent",
            frame=frame,
            wanted=in_frame("a", Data(number, sent[number])),
        )
    judge.expect(
        "window:more", len(found) == len(wanted), "nothing else is sent", found=f"{len(found) - len(wanted)} more"
    )


def _stage(n: int, size: int, some: int, at: int, number: int) -> str:
    """What the n-th frame of `test_what_is_under_way` shows."""
    if n < size:
        return "window:fill"
    if n < size + some:
        return "window:move"
    return "window:repeat" if number == some else "window:again"


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_what_comes_in_any_order(judge: Judge) -> None:
    """Against the judge's *teams*: cards in any order, twice, too early; each is answered with the number wanted."""
    source = judge.random
    size, first = source.randint(5, 9), source.randrange(10_000)
    sent = cards(4 * size, source)
    numbers: list[int] = []
    for block in range(0, len(sent), size):
        some = list(range(block, block + size))
        source.shuffle(some)
        numbers += [*some, source.choice(some), block + 2 * size]  # one that came before; one beyond the window
    opening = [
        (n * 3 * MILLISECOND, Data(first + number, sent[number] if number < len(sent) else b"beyond"))
        for n, number in enumerate(numbers)
    ]
    scene = against_us(cards_by("window"), "a", name="any-order", opening=opening, window=size, first=first, seconds=5)
    trace = judge.play(scene)
    expect_all_in_order(judge, trace, sent)
    had: set[int] = set()
    wanted = 0
    answers = [(frame, message.number) for frame, message in said(trace, "b-a") if isinstance(message, Ack)]
    for n, (at, message) in enumerate(heard(trace, "a-b")):
        if isinstance(message, Data) and message.number - first < wanted + size:
            had.add(message.number - first)
        while wanted in had:
            wanted += 1
        frame, number = answers[n] if n < len(answers) else (None, None)
        judge.expect(
            "answer:number",
            frame is not None and (frame.at, number) == (at, first + wanted),
            f"at {seconds(at)}, when {message.number} has come, b answers that it wants {first + wanted}",
            found=f"{named(frame)} says {number}" if frame else "no answer",
            frame=frame,
            wanted=in_frame("b", Ack(add(first, wanted))),
        )


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_the_line_is_full(judge: Judge) -> None:
    """The reader is fast and nothing is lost: at least 90 % of what the line can carry, and nothing is sent twice."""
    sent = cards(80, judge.random)
    trace = judge.play(stream("window", sent, timeout=0.06, name="goodput"))
    expect_all_in_order(judge, trace, sent)
    again = sent_again(trace)
    judge.expect(
        "goodput:again",
        not again,
        "nothing is sent twice where nothing was lost",
        found=f"{len(again)} cards were, the first as {named(again[0])}" if again else "",
        frame=again[0] if again else None,
    )
    share = goodput(trace)
    judge.expect("goodput:share", share >= 0.9, "at least 90 % of the line is used", found=f"{share:.0%}")


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_a_gap(judge: Judge) -> None:
    """One card is lost: b is blocked on the gap, keeps what comes behind it, and goes on when the gap is closed."""
    source = judge.random
    lost = source.randrange(8, 18)
    sent = cards(30, source)
    trace = judge.play(stream("window", sent, name="gap", window=20).scripted(f"drop a-b:data:{lost + 1}"))
    behind = [at for at, message in heard(trace, "a-b") if isinstance(message, Data) and message.number > lost]
    closed = next((at for at, message in heard(trace, "a-b") if _is(message, lost)), None)
    judge.bites("cards came behind the gap", closed is None or sum(at < closed for at in behind) >= 5)
    judge.expect(
        "gap:closed",
        closed is not None,
        f"number {lost}, which was lost, is sent again",
        found="it was sent once, and never again",
    )
    expect_all_in_order(judge, trace, sent)
    again = sent_again(trace)
    judge.expect(
        "gap:once",
        len(again) <= 1,
        "of all cards only the lost one is sent twice: b has kept the others",
        found=f"{len(again)} were, up to {named(again[-1])}" if again else "none",
        frame=again[-1] if again else None,
    )


def _is(message: Message, number: int) -> bool:
    return isinstance(message, Data) and message.number == number


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_an_old_acknowledgement(judge: Judge) -> None:
    """Acknowledgements overtake each other, then a card is lost: it is still known, and sent again."""
    source = judge.random
    early = source.randrange(4, 10)
    lost = early + 24
    sent = cards(36, source)
    faults = f"hold b-a:ack:{early}-{early + 1}:{source.randrange(12, 30)}ms", f"drop a-b:data:{lost}"
    trace = judge.play(stream("window", sent, name="old-acks", window=20).scripted(*faults))
    numbers = [message.number for _, message in heard(trace, "b-a")]
    expect_all_in_order(judge, trace, sent)
    judge.bites("an acknowledgement came later than a younger one", numbers != sorted(numbers))


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_round_the_circle(judge: Judge) -> None:
    """Numbers go from 4294967295 to 0, and 4294967295 itself is lost: every card once, in order, and only it again."""
    source = judge.random
    sent, before = cards(24, source), source.randint(3, 15)
    first = MODULUS - before
    scene = stream("window", sent, first=first, window=8, name="round")
    trace = judge.play(scene.scripted(f"drop a-b:data:{before}"))
    last = next(reversed(list(trace.frames("a-b"))), None)
    judge.expect(
        "round:passed",
        any(_is(message, add(first, len(sent) - 1)) for _, message in heard(trace, "a-b")),
        "numbers go on from 0 after 4294967295",
        found=f"the last card sent was {named(last)}",
        frame=last,
    )
    expect_all_in_order(judge, trace, sent)
    again = sent_again(trace)
    judge.expect(
        "round:once",
        len(again) <= 1,
        "b has kept 0 and what follows it: only 4294967295 is sent twice",
        found=f"{len(again)} were, up to {named(again[-1])}" if again else "none",
        frame=again[-1] if again else None,
    )


def test_a_bad_line(judge: Judge) -> None:
    """A line that loses, doubles and reorders: every card once, in order."""
    source = judge.random
    sent = cards(30, source)
    link = {"loss": 4, "duplicate": 4, "reorder": 8}
    faults = f"drop a-b:data:{source.randint(2, 12)}", f"hold a-b:data:{source.randint(13, 20)}:5ms"
    trace = judge.play(stream("window", sent, link=link, window=12, name="bad-line").scripted(*faults))
    expect_all_in_order(judge, trace, sent)
    judge.bites("a card was lost", any(frame.lost for frame in trace.frames("a-b", "data")))
    numbers = [message.number for _, message in heard(trace, "a-b")]
    judge.bites("a card overtook another", any(one > other for one, other in itertools.pairwise(numbers)))
