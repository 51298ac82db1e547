"""Step 2: which position a number stands for."""

import random

import pytest

from labs.lab04b_tcp.evidence import Conversation, expect_stream
from labs.lab04b_tcp.peers import FarEnd, settings
from labs.lab04b_tcp.scenes import caller, noise
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.flow.sequence import MODULUS

pytestmark = pytest.mark.step("2")

HALF = MODULUS // 2


@pytest.mark.seeds(1)
def test_positions_by_themselves(judge: Judge) -> None:
    """`position` finds the position that is meant, on either side of where the numbers go round."""
    script = Script("positions")

    def ask(number: int, near: int, wanted: int, because: str, label: str) -> None:
        script.call("positions.position", number, near, returns=wanted, because=because, label=label)

    ask(1_000, 900, 1_000, "it is a little ahead", "ahead")
    ask(900, 1_000, 900, "it is a little behind", "behind")
    ask(7, 3 * MODULUS + 2, 3 * MODULUS + 7, "three rounds on, five ahead", "third")
    ask(5, MODULUS - 10, MODULUS + 5, "the numbers have gone round: it is 15 ahead", "round")
    ask(MODULUS - 10, MODULUS + 5, MODULUS - 10, "an old one, from before they went round", "back")
    ask(MODULUS - 1, 3 * MODULUS + 2, 3 * MODULUS - 1, "three rounds on, three behind", "third-back")
    ask(HALF - 1, 0, HALF - 1, "just less than half a circle ahead", "half")
    ask(HALF + 1, MODULUS, MODULUS - HALF + 1, "just less than half a circle behind", "half-back")
    judge.unit(script)


@pytest.mark.seeds(2)
def test_numbers_of_any_size(judge: Judge) -> None:
    """Wherever one stands, what is near is found."""
    source, script = judge.random, Script("anywhere")
    for _ in range(40):
        near = source.randrange(5 * MODULUS) + MODULUS
        wanted = near + source.choice((1, -1)) * source.choice((source.randrange(70_000), source.randrange(HALF - 1)))
        script.call(
            "positions.position",
            wanted % MODULUS,
            near,
            returns=wanted,
            because=f"{abs(wanted - near)} {'behind' if wanted < near else 'ahead'}",
            label="behind" if wanted < near else "ahead",
        )
    judge.unit(script)


def test_a_conversation_that_goes_round(judge: Judge) -> None:
    """Both sides' numbers go round in the midst of a conversation, on a line that loses, and nobody notices."""
    source = judge.random
    ours, theirs = noise(30_000, source), noise(30_000, source)
    far = FarEnd(says=theirs, isn=MODULUS - source.randint(2_000, 20_000), settings=settings())
    isn = MODULUS - source.randint(2_000, 20_000)
    scene = caller(far, ours, ("positions",), name="round", isn=isn, link={"loss": 2})
    lost = random.Random(isn).randint(2, 6)
    trace = judge.play(scene.scripted(f"drop a-b:data:{lost}", f"drop b-a:data:{lost}"))
    talk = Conversation(trace)
    for direction in ("a-b", "b-a"):
        numbers = [said.segment.sequence for said in talk.said(direction)]
        judge.bites(f"the numbers of {direction} went round", bool(numbers) and min(numbers) < HALF < max(numbers))
    expect_stream(judge, bytes(far.received), ours, "b", "round:sent")
    expect_stream(judge, b"".join(trace.delivered("a")), theirs, "a", "round:received")
