"""Lab 4b's questions, each student's with a conversation of their own, and the defects to choose from."""

import random
from dataclasses import dataclass
from functools import cache

from labs.lab04b_tcp.evidence import Conversation
from labs.lab04b_tcp.peers import FarEnd, settings
from labs.lab04b_tcp.scenes import caller, noise
from labs.questions import Play, Question
from labs.testbed.scene import Scene
from netstack.flow.sequence import add
from netstack.wire import MILLISECOND

MSS = 1_460
LUNCH = 500 * MILLISECOND
DEFECTS = {
    "go-back": "when one segment is lost, everything behind it is sent again too",
    "beyond": "it sends more than the other side has room for",
    "deaf": "it counts no duplicates: what is lost goes again when the timer goes off, and not before",
    "hasty": "every segment that comes is acknowledged at once, alone",
    "breaks-its-word": "the right edge of its window moves back",
    "nagging": "it asks a closed window again and again at the same distance",
    "silly": "it tells of every few bytes of room",
    "end-forgotten": "its FIN is not sent again when it is lost",
    "timid": "it has one segment under way at a time",
    "no-karn": "what was sent twice is measured too",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A conversation with one loss: a says `count` bytes to b, whose application reads nothing. Sizes are bytes."""

    isn: int
    theirs: int
    count: int
    lost: int
    room: int
    key: str

    @classmethod
    def of(cls, key: str) -> "Call":
        """The conversation of the student with this key."""
        source = random.Random(f"conversation {key}")
        count = source.randint(6, 8) * MSS + source.randint(100, 1_300)
        numbers = source.randrange(1_000, 90_000), source.randrange(1_000, 90_000)
        return cls(*numbers, count, source.randint(2, 3), source.randint(20_000, 30_000), key)

    def scene(self) -> Scene:
        """It, to be played."""
        buffer = settings(receive_buffer=self.room)
        far = FarEnd(isn=self.theirs, settings=buffer, pauses=((0, LUNCH),), closes=False)
        says = noise(self.count, random.Random(self.key))
        scene = caller(far, says, (), name="prediction", isn=self.isn, settings={"initial_window": 10})
        return scene.scripted(f"drop a-b:data:{self.lost}")

    def told(self) -> str:
        """It, in words."""
        return (
            f"a calls b. a's SYN has the number {self.isn}, b's has {self.theirs}. b has room for {self.room:,} bytes, "
            f"and its application reads nothing. a has {self.count:,} bytes to send, in segments of {MSS:,} bytes at "
            "most, all of which may be under way at once; with the last byte goes the FIN. Of the segments with bytes "
            f"the {'second' if self.lost == 2 else 'third'} is lost, once."
        )

    def at_gap(self, talk: Conversation) -> int:
        """The number that b says while something is missing."""
        gone = next(said for said in talk.said("a-b") if said.frame.lost)
        return add(self.isn, 1 + next(said.wanted for said in talk.said("b-a") if said.wanted == gone.start))


def predict_1(key: str, play: Play) -> list[Question]:
    """A conversation with one loss and a reader who does not read, with the numbers of this student."""
    call = Call.of(key)

    @cache
    def talk() -> Conversation:
        return Conversation(play(call.scene()))

    return [
        Question(
            "q1",
            f"{call.told()} Which number has a's first byte?",
            lambda: add(call.isn, 1),
            why="the SYN takes one number",
        ),
        Question(
            "q2",
            "Which number do the acknowledgements carry that answer what arrives behind the gap?",
            lambda: call.at_gap(talk()),
            why="they say what is wanted, and that is the first byte that is missing",
        ),
        Question(
            "q3",
            "How many segments with bytes does a send, repeats included?",
            lambda: sum(1 for said in talk().said("a-b") if said.segment.payload),
            why="each once, and the one that was lost once more: b has kept those behind it",
        ),
        Question(
            "q4",
            "Which number does b's last acknowledgement carry?",
            lambda: add(call.isn, 1 + talk().said("b-a")[-1].wanted),
            why="a SYN, all bytes and a FIN: each of them takes its number",
        ),
        Question(
            "q5",
            "Which window stands in it, if nothing has been read by then?",
            lambda: min(said.segment.window for said in talk().said("b-a") if said.frame.at < LUNCH),
            why="what was free, less what has come and was not read; the FIN takes no room. The edge stands still",
        ),
    ]


def predict_11(key: str, play: Play) -> list[Question]:
    """Slow start and avoidance, in segments and round trips."""
    source = random.Random(f"window {key}")
    initial, threshold = source.choice((2, 3, 4)), source.choice((17, 20, 24, 30))
    flight = 2 * source.randint(8, 15)
    total = source.randint(90, 160)
    told = (
        f"A sender begins with a window of {initial} segments and a threshold of {threshold}. It has more to send than "
        "its window ever allows, nothing is lost, every segment is acknowledged by itself, and the receiver has room "
        "for all. A round trip's segments all go at its beginning, as many as the window allows; below the threshold "
        "the window grows by one segment for each that is acknowledged, but not beyond the threshold; from there on by "
        "one segment for each round trip."
    )
    sizes = rounds(initial, threshold)
    return [
        Question("q1", f"{told} How many segments go in the third round trip?", sizes[2], why="it doubles"),
        Question(
            "q2",
            "In which round trip (the first is 1) is the window for the first time greater than the threshold?",
            next(n for n, size in enumerate(sizes, 1) if size > threshold),
            why="it reaches the threshold, and grows by one from then on",
        ),
        Question(
            "q3",
            f"How many round trips does it take until {total} segments have been sent?",
            next(n for n in range(1, len(sizes)) if sum(sizes[:n]) >= total),
            why="add up the windows",
        ),
        Question(
            "q4",
            f"Another one has {flight} segments under way when the third duplicate of the oldest arrives. As soon as "
            "the loss is mended, how many may be under way?",
            flight // 2,
            why="the threshold is half of what was under way, and the window goes on from there",
        ),
        Question(
            "q5",
            f"A third one has {flight} under way when its timer goes off. That segment is sent again and arrives, and "
            "with it the acknowledgement of all. It goes on as above: how many round trips, that of the repeat "
            f"counted as the first, until the window is {flight // 2} or more?",
            next(n for n, size in enumerate(rounds(1, flight // 2), 1) if size >= flight // 2),
            why="from one segment it doubles each round trip",
        ),
    ]


def rounds(initial: int, threshold: int) -> list[int]:
    """The windows of fifty round trips, in segments, when nothing is lost."""
    sizes = [initial]
    while len(sizes) < 50:
        size = sizes[-1]
        sizes.append(min(2 * size, threshold) if size < threshold else size + 1)
    return sizes
