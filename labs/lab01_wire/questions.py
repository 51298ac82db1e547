"""Lab 1's questions, each student's with messages and noise of their own, and the defects to choose from."""

import random
import zlib
from functools import cache

from labs.lab01_wire.scenes import talk
from labs.questions import Play, Question
from labs.testbed.scene import Scene
from netstack.wire import MILLISECOND

PIECE = 16
OVERHEAD = 6  # two flags and a CRC
WORDS = ("Herons", "Otters", "Robins", "Badgers", "win", "lose", "at home", "away", "again", "in the rain", "tonight")
SPECIAL = "~}"


def predict_2(key: str, play: Play) -> list[Question]:
    """What does noise cost, and how long does a message take?"""
    source = random.Random(f"step 2 {key}")
    messages, faults = _schedule(source)
    told = "; ".join(f"{number}. `{message}`" for number, message in enumerate(messages, 1))
    numbers = (
        f"At 0 s, a sends six messages over the serial line, one right after the other: {told}. (They are ASCII, and "
        f"no CRC among them needs an escape.) The line does this: {', '.join(f'`{fault}`' for fault in faults)}; "
        "pieces are counted from 1 over all messages."
    )

    @cache
    def heard() -> tuple[list[bytes], float]:
        """What was handed over, and the millisecond at which the last of it was."""
        trace = play(_scene(messages, faults))
        events = trace.at_port("delivered", "b")
        return [event.payload for event in events], events[-1].at / MILLISECOND

    special = next(message for message in messages if SPECIAL in message)
    return [
        Question(
            "q1",
            f"{numbers} How many bytes does `{special}` take on the line, flags included?",
            _bytes_on_line(special),
            why="two flags, the message, four bytes of CRC, and one more byte for each that is escaped",
        ),
        Question("q2", "How many messages does b hand over?", lambda: len(heard()[0])),
        Question(
            "q3",
            "Which number has the message that b hands over twice?",
            lambda: next(n for n, text in enumerate(messages, 1) if heard()[0].count(text.encode()) == 2),
            why="its piece came twice, and all of it is in that one piece",
        ),
        Question(
            "q4",
            "At which millisecond does b hand over the last message? (To the nearest; there is nothing but the line.)",
            lambda: round(heard()[1]),
            tolerance=1,
            why="every byte takes 8 bits, 9600 of which go out in a second; the last one travels for 2 ms more",
        ),
    ]


def _scene(messages: list[str], faults: list[str]) -> Scene:
    return talk((message.encode() for message in messages), name="prediction").scripted(*faults)


def _bytes_on_line(message: str) -> int:
    return OVERHEAD + len(message) + sum(message.count(special) for special in SPECIAL)


def _pieces(message: str) -> int:
    return -(-_bytes_on_line(message) // PIECE)


def _schedule(source: random.Random) -> tuple[list[str], list[str]]:
    """Six messages, and three faults: a last piece is lost, an inner one damaged, and a whole message doubled."""
    while True:
        messages = [" ".join(source.sample(WORDS, source.randint(1, 4))) for _ in range(4)]
        messages.append(source.choice(WORDS[:4]))
        messages.append(SPECIAL + source.choice(WORDS[:4]))
        source.shuffle(messages)
        short = [n for n, message in enumerate(messages[:-1]) if _pieces(message) == 1]
        long = [n for n, message in enumerate(messages[:-1]) if _pieces(message) > 1]
        if len(set(messages)) == len(messages) and short and len(long) > 1 and not any(map(_crc_is_special, messages)):
            break
    only_a_flag = [n for n in long if _bytes_on_line(messages[n]) % PIECE == 1]  # in its last piece: is that a loss?
    torn = source.choice(only_a_flag if only_a_flag and source.random() < 0.5 else long)
    damaged = source.choice([n for n in long if n != torn])
    return messages, [
        f"drop a-b:piece:{_piece(messages, torn, _pieces(messages[torn]))}",
        f"flip a-b:piece:{_piece(messages, damaged, 1)}:{source.randrange(16, 64)}",
        f"duplicate a-b:piece:{_piece(messages, source.choice(short), 1)}",
    ]


def _piece(messages: list[str], message: int, number: int) -> int:
    """The number, over all messages, of piece `number` of a message (by its place from 0)."""
    return sum(_pieces(each) for each in messages[:message]) + number


def _crc_is_special(message: str) -> bool:
    return any(byte in zlib.crc32(message.encode()).to_bytes(4, "big") for byte in (0x7D, 0x7E))


DEFECTS = {
    "believes-for-ever": "An address that was learnt once is believed for ever.",
    "answers-for-others": "A station says I-am when another name than its own is sought.",
    "asks-on": "A search goes on although its answer has come.",
    "asks-too-often": "Questions of one search follow each other too soon.",
    "shouts": "What is meant for one station is sent to everybody.",
    "length-wrong": "The length of a message counts something that is not data.",
    "number-reused": "A conversation gets a number that may still be answered.",
    "answer-misplaced": "An answer names another conversation than its question did.",
    "name-cut": "A name on the wire is not the whole name.",
}
