"""Lab 4's questions: what two dialects make of each other, when a window closes, and what a forged segment does."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from labs.lab03_flow.peers import A, B
from labs.lab03_flow.scenes import AT_ONCE, cards, lunch
from labs.lab04_stack.evidence import segments
from labs.lab04_stack.given.dialect import CARD, Dialect
from labs.lab04_stack.peers import by_the_judge
from labs.lab04_stack.scenes import LINE, MSS, MTU, PLAIN, overheard, pouring, speaking
from labs.questions import Play, Question
from labs.story.trace import FrameEvent, Trace
from labs.testbed.scene import Reader, Scene
from netstack.flow.messages import ETHERNET, HEADER, Ack, Addressed
from netstack.flow.sequence import add, distance
from netstack.packets import ACK
from netstack.tcp import Settings
from netstack.wire import MILLISECOND, SECOND

# Step 1: two right answers ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Ours, and somebody else's right answer. `timeout` and `seconds` are in seconds."""

    names: str
    credit: str
    first: int
    count: int
    capacity: int
    timeout: float
    seconds: float

    @property
    def theirs(self) -> dict[str, str]:
        """Their dialect, when the order of bytes has been agreed on."""
        return {"order": "big", "names": self.names, "credit": self.credit}

    def scene(self, name: str, key: str, *, count: int, reader: Reader, order: str = "big", **more: Any) -> Scene:
        """Ours sends `count` cards to theirs."""
        payloads = cards(count, random.Random(f"cards {key}"))
        dialects: Any = ({}, self.theirs | {"order": order})
        more = {"first": self.first, "timeout": self.timeout, "seconds": self.seconds, **more}
        return speaking(payloads, dialects, name=f"prediction-{name}", reader=reader, **more)

    def header(self, number: int, room: int) -> str:
        """The header of their acknowledgement when `number` is wanted next, and there is room for `room`."""
        frame = Dialect(**self.theirs).build(Addressed(A, B, Ack(number, room)))
        return frame[ETHERNET.size : ETHERNET.size + HEADER.size].hex(" ")


def meeting(key: str) -> Meeting:
    """What the student with `key` is asked about."""
    source = random.Random(f"step 1 {key}")
    return Meeting(
        names=source.choice(("next", "last")),
        credit=source.choice(("bytes", "limit")),
        first=source.randrange(257, 9999),
        count=source.randint(14, 30),
        capacity=source.randint(3, 8),
        timeout=source.choice((0.2, 0.25, 0.3, 0.4)),
        seconds=source.randint(4, 9) + 0.15,
    )


def predict_1(key: str, play: Play) -> list[Question]:
    """Bytes in another order; then the same bytes, and another meaning."""
    met = meeting(key)
    return [*_about_bytes(met, key, play), *_about_meaning(met, key, play)]


def _about_bytes(met: Meeting, key: str, play: Play) -> list[Question]:
    scene = met.scene("strangers", key, count=3, reader=AT_ONCE, order="little", capacity=64)
    return [
        Question(
            "q1",
            f"`a` is ours, and `b` somebody else's right answer, in which all numbers travel with their *lowest* byte "
            f"first. `a`'s first card has the number {met.first}. What number does `b` read?",
            int.from_bytes(met.first.to_bytes(4, "big"), "little"),
            why="the same four bytes, the other way round",
        ),
        Question(
            "q2",
            f"The card has {CARD} bytes. What length does `b` read, so that it throws the frame away?",
            int.from_bytes(CARD.to_bytes(2, "big"), "little"),
            why="a frame that promises more than it holds is none",
        ),
        Question(
            "q3",
            f"`a` has three cards, a window of 64, a credit of 64, and a timeout of {met.timeout} s. How many frames "
            f"does it send in {met.seconds} s?",
            lambda: sum(1 for _ in play(scene).frames("a-b")),
            why="three, and then the oldest once more each timeout: it cannot know that nobody understands it",
        ),
    ]


def _about_meaning(met: Meeting, key: str, play: Play) -> list[Question]:
    wanted, room = add(met.first, 8), met.capacity
    over = met.scene("over", key, count=met.count, reader=lunch(0.0, 60.0), capacity=room)
    almost = met.scene("almost", key, count=met.count, reader=AT_ONCE, capacity=room)

    def sent(number: int) -> int:
        return sum(int.from_bytes(frame.data[16:20], "big") == number for frame in play(almost).frames("a-b", "data"))

    return [
        Question(
            "q4",
            "They agree: the highest byte comes first. Now `b` understands every card, answers, and is understood; is "
            f"it? It has handed over the cards up to number {wanted - 1}, has room for {room} more, and says (bytes 14 "
            f"to 23) `{met.header(wanted, room)}`. Which fields does it mean otherwise than lab 3's handout? Their "
            "names as in its table, in alphabetical order, with a space between them.",
            "credit number" if met.names == "last" else "credit",
            why="two can agree on every bit of a format, and not on what it means",
        ),
        Question(
            "q5",
            f"`b`'s desk has room for {met.capacity}, both know that from the beginning, and its clerk is at lunch all "
            f"the time. `a` has {met.count} cards, and a window of 64. How many of these cards find no room at `b`?",
            lambda: met.count - len(play(over).delivered("b")),
            why="after the first answer the credit, as `a` reads it, is far more than all it has",
        ),
        Question(
            "q6",
            f"They begin anew, and the clerk takes every card at once. `a` has {met.count} cards, with the timeout as "
            f"before. How often does it send its *last* card within {met.seconds} s?",
            lambda: sent(add(met.first, met.count - 1)),
            why="whoever names the last card received never says that it wants the one after the last",
        ),
    ]


# Step 4: the zero window ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stream of `count` segments towards a reader that comes at `back` (s). Buffers are counted in segments."""

    room: int
    unsent: int
    count: int
    back: float

    def scene(self, name: str) -> Scene:
        """A pours, b sleeps."""
        tcp = {
            "a": Settings(send_buffer=self.unsent * MSS, **PLAIN),
            "b": Settings(receive_buffer=self.room * MSS, **PLAIN),
        }
        payload = bytes(self.count * MSS)
        return pouring([payload], sip=1 << 16, begin=self.back, tcp=tcp, name=f"prediction-{name}", **LINE)


def windows(key: str) -> tuple[Window, Window]:
    """The two streams that the student with `key` is asked about: the second is one that fits."""
    source = random.Random(f"step 4 {key}")
    room = source.randint(4, 7)
    unsent = room + source.randint(0, 2)
    back = source.choice((0.55, 0.7, 1.1, 1.3, 1.5, 2.5, 3.0, 3.3, 5.0, 6.0))
    first = Window(room=room, unsent=unsent, count=room + unsent + source.randint(1, room - 1), back=back)
    return first, Window(room=room, unsent=unsent, count=room + unsent, back=back)


def predict_4(key: str, play: Play) -> list[Question]:
    """When the window closes, what is sent until then, how often is asked, and when `send_all` returns."""
    first, second = windows(key)
    long, short = cache(partial(play, first.scene("window"))), cache(partial(play, second.scene("window-that-fits")))
    return [*_about_the_window(first, long), *_about_returning(first, second, long, short)]


def _closed(trace: Trace) -> FrameEvent:
    return next(trace.frames("b-a", "zero"))


def _probes(trace: Trace, back: float) -> int:
    closed, until = _closed(trace).at, back * SECOND
    return sum(closed < one.at < until and not one.tcp.payload for one in segments(trace, "a-b"))


def _returned(trace: Trace) -> float:
    return trace.at_port("delivered", "a")[0].at / MILLISECOND


def _about_the_window(window: Window, trace: Callable[[], Trace]) -> list[Question]:
    return [
        Question(
            "q1",
            f"`a` pours {window.count * MSS} bytes into its stream, in segments of {MSS}. `b` has a receive buffer of "
            f"{window.room * MSS} bytes, and its program reads nothing before {window.back} s. At which time, in "
            "milliseconds, does `b` send the first segment with a window of 0?",
            lambda: _closed(trace()).at / MILLISECOND,
            tolerance=0.5,
            why="when the last segment for which there is room has arrived",
        ),
        Question(
            "q2",
            "How many bytes of the stream has `a` sent by then?",
            lambda: sum(len(one.tcp.payload) for one in segments(trace(), "a-b") if one.at <= _closed(trace()).at),
            why="as many as the window said. TCP counts bytes where you counted messages",
        ),
        Question(
            "q3",
            "How many probes does `a` send until the program comes back?",
            lambda: _probes(trace(), window.back),
            why="one about 0.26 s after the zero window has arrived, the next after twice as long, and so on: as yours",
        ),
    ]


def _about_returning(
    first: Window, second: Window, long: Callable[[], Trace], short: Callable[[], Trace]
) -> list[Question]:
    return [
        Question(
            "q4",
            f"`a`'s send buffer holds {first.unsent * MSS} bytes. At which time, in milliseconds, does `send_all` "
            "return?",
            lambda: _returned(long()),
            tolerance=0.5,
            why="when all but a buffer's worth has been acknowledged: the rest is the operating system's worry",
        ),
        Question(
            "q5",
            f"Another time `a` pours only {second.count * MSS} bytes; both buffers, and all else, are as before. When "
            "does `send_all` return?",
            lambda: _returned(short()),
            tolerance=0.5,
            why="what is in a's buffer and in b's is off a's hands. Nobody has read a byte of it",
        ),
        Question(
            "q6",
            "And how many bytes has `b`'s program read at that time?",
            lambda: sum(
                len(event.payload)
                for event in short().at_port("delivered", "b")
                if event.at <= _returned(short()) * MILLISECOND
            ),
            why="none. A stream's acknowledgement says: it has arrived. That it was read only another message can say",
        ),
    ]


# Step 7: forged segments ----------------------------------------------------------------------------------------------

ROOM = 5
"""Segments that b's receive buffer holds, and a's send buffer too."""

FAR = 70_000  # beyond any window without scaling
SOON = 50 * MILLISECOND
ANSWERED = 5 * MILLISECOND
TIMES = (0.7, 1.5, 2.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """A blocked sender; a forged window of `offered` segments at `at` (s), and a reader that comes at `back` (s).

    And, another time, three resets, by how much too high their numbers are.
    """

    offered: int
    at: float
    back: float
    resets: tuple[int, ...]

    def offer(self) -> Scene:
        """The present, which c forges by the student's own `forge.py`."""
        orders = [(self.at, "window_update", self.offered * MSS)]
        return overheard(self._pouring("offer", self.back), orders, mtu=MTU)

    def ends(self) -> Scene:
        """The resets."""
        orders = [(at, "reset", ahead) for at, ahead in zip(TIMES, self.resets, strict=True)]
        return overheard(self._pouring("resets", TIMES[-1] + 1), orders, mtu=MTU)

    def _pouring(self, name: str, back: float) -> Scene:
        tcp = {"a": Settings(send_buffer=ROOM * MSS, **PLAIN), "b": Settings(receive_buffer=ROOM * MSS, **PLAIN)}
        return pouring([bytes(3 * ROOM * MSS)], sip=1 << 16, begin=back, tcp=tcp, name=f"forged-{name}")


def forgery(key: str) -> Forgery:
    """What the student with `key` is asked about."""
    source = random.Random(f"step 7 {key}")
    resets = [source.randint(1, 60_000), source.choice((-1, 1)) * source.randint(FAR, 9 * FAR)]
    source.shuffle(resets)
    return Forgery(
        offered=source.randint(1, 3),
        at=0.6,
        back=source.choice((1.0, 1.1, 1.2, 1.6, 1.8, 2.0, 2.1, 2.6, 2.9, 3.2, 3.6, 3.9)),
        resets=(*resets, 0),
    )


def predict_7(key: str, play: Play) -> list[Question]:
    """What a present does that nobody sent; and which of three resets ends a connection."""
    forged = forgery(key)
    offer, ended = (cache(partial(play, by_the_judge(scene))) for scene in (forged.offer(), forged.ends()))
    return [*_about_the_gift(forged, offer), *_about_resets(forged, ended)]


def _about_the_gift(forged: Forgery, offer: Callable[[], Trace]) -> list[Question]:
    def sent_at_once() -> int:
        begin, end = forged.at * SECOND, forged.at * SECOND + SOON
        return sum(len(one.tcp.payload) for one in segments(offer(), "a-h") if begin <= one.at < end)

    def kept() -> int:
        """What b acknowledged before its program came back, beyond what its buffer holds."""
        told = [one.tcp.acknowledgement for one in segments(offer(), "b-h") if one.at < forged.back * SECOND]
        return max(distance(told[0], each) for each in told) - ROOM * MSS

    def more_read() -> float:
        """Milliseconds from the program's return to the first byte beyond the first buffer."""
        return (offer().at_port("delivered", "b")[1].at - forged.back * SECOND) / MILLISECOND

    return [
        Question(
            "q1",
            f"`b` has a receive buffer of {ROOM * MSS} bytes, and its program reads nothing before {forged.back} s. "
            f"`a` has much to send, and is blocked. At {forged.at} s `c` forges a window update in `b`'s name: "
            f"{forged.offered * MSS} bytes. How many bytes does `a` send at once?",
            sent_at_once,
            why="it believes what it is told, for who else could have said it?",
        ),
        Question(
            "q2",
            "How many of them does `b` keep?",
            kept,
            why="none: a receiver whose bound depends on the other side's manners has none",
        ),
        Question(
            "q3",
            "`b`'s program comes back, reads all that there is, and waits for more. How many milliseconds after its "
            "return does more reach it? (A segment takes 20 ms. `a` sends again what is not acknowledged after 0.26 s, "
            "then after twice as long, and so on.)",
            more_read,
            tolerance=60,
            why="`a` takes for lost what was refused, and waits ever longer until it sends it again. A gift can harm",
        ),
    ]


def _about_resets(forged: Forgery, ended: Callable[[], Trace]) -> list[Question]:
    which = "`dies`, `challenge` (it lives, and answers with an acknowledgement), or `nothing`"
    return [
        Question(
            f"q{number + 4}",
            f"Another time, without the forged window, while `b`'s program sleeps: reset {number + 1} of three, in "
            f"`b`'s name, at {TIMES[number]} s. Its number is {_in_words(ahead)}. What does `a` do? One of {which}.",
            partial(_asked_of, ended, number),
            why="RFC 5961: the exact number ends it; one inside the window must be proved; no other concerns it",
        )
        for number, ahead in enumerate(forged.resets)
    ]


def _in_words(ahead: int) -> str:
    if not ahead:
        return "exactly the one that `a` wants next"
    return f"{abs(ahead)} too {'high' if ahead > 0 else 'low'}; `a`'s window is 65535"


def _asked_of(ended: Callable[[], Trace], number: int) -> str:
    return reaction(ended(), number)


def reaction(trace: Trace, number: int) -> str:
    """What a did when the reset of that number, from 0, reached it: `dies`, `challenge` or `nothing`."""
    reached = [at for frame in trace.frames("h-a", "rst") for at in frame.arrivals]
    if number >= len(reached):
        return "no reset came"
    at = reached[number]
    if any(b"broken" in event.payload and 0 <= event.at - at < SOON for event in trace.at_port("delivered", "a")):
        return "dies"
    answers = (one for one in segments(trace, "a-h") if 0 <= one.at - at < ANSWERED and one.tcp.flags == ACK)
    return "challenge" if any(answers) else "nothing"
