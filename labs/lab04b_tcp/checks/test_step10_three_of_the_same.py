"""Step 10: what a duplicate is, and what is done about three."""

import pytest

from labs.lab04b_tcp.evidence import Conversation, expect_an_end, expect_stream, named, seconds
from labs.lab04b_tcp.peers import FarEnd
from labs.lab04b_tcp.scenes import caller, noise
from labs.lab04b_tcp.senders import Dialogue, piece
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND

pytestmark = pytest.mark.step("10")


@pytest.mark.seeds(1)
def test_duplicates_by_themselves(judge: Judge) -> None:
    """A duplicate repeats number and window, carries nothing, and comes while something is under way."""
    script = Script("duplicates")
    talk = Dialogue(script)

    def counted(wanted: int, because: str, label: str) -> None:
        script.get("path.duplicates", returns=wanted, because=because, label=label)

    talk.begin("Counting")
    talk.hear(0, 600)
    talk.hear(0, 600)
    counted(0, "nothing is under way", "nothing-under-way")
    talk.write(1_000)
    talk.expect([piece(n, n + 100) for n in range(0, 600, 100)], "there is room for six", "six")
    talk.hear(100, 500)
    counted(0, "that is news", "news")
    talk.hear(100, 500)
    counted(1, "the same, bare, and something is under way", "one")
    talk.hear(100, 500, bare=False)
    counted(1, "with data it is the other side's own affair", "with-data")
    talk.hear(100, 600)
    counted(1, "it opens the window: that is news", "update")
    talk.hear(0, 600)
    counted(1, "an old one, come late", "old")
    talk.expect([piece(600, 700)], "the room that it opened is used", "room")
    talk.hear(100, 600)
    counted(2, "the same as the last", "two")
    talk.expect([], "two may be a matter of order", "two-wait")
    talk.hear(100, 600)
    counted(3, "and again", "three")
    talk.expect([piece(100, 200)], "three are not: the oldest goes again at once", "again")
    talk.hear(100, 600)
    talk.expect([], "a fourth changes nothing", "fourth")
    talk.hear(300, 400)
    counted(0, "news", "news-again")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_near_duplicates_by_themselves(judge: Judge) -> None:
    """A smaller window makes no duplicate; a fourth one takes nothing back; and the repeat is never measured."""
    script = Script("near")
    talk = Dialogue(script)
    talk.begin("Counting")
    talk.hear(0, 1_000)
    talk.write(300)
    talk.expect([piece(0, 100), piece(100, 200), piece(200, 300)], "there is room", "three")
    talk.hear(0, 900)
    script.get("path.duplicates", returns=0, because="its window ends before the limit: not the same", label="smaller")
    for _ in range(4):
        talk.hear(0, 1_000)
    talk.now = 1.5
    talk.expect([piece(0, 100)], "the third asked for it, and the fourth takes nothing back", "fourth-before")
    talk.now = 1.6
    talk.hear(100, 1_000)
    talk.timer(2.6, "the first timeout, 1 s, from now: what went twice is no measurement", "karn")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_two_windows_by_themselves(judge: Judge) -> None:
    """The smaller of the two windows holds; and whatever `congestion` asks for goes again."""
    script = Script("two-windows")
    talk = Dialogue(script)
    talk.begin("Insisting", 250)
    talk.hear(0, 320)
    talk.write(1_000)
    talk.expect([piece(0, 100), piece(100, 200)], "250 may be under way, and 50 are no full segment", "path")
    talk.hear(100, 220)
    talk.expect([piece(100, 200), piece(200, 300)], "`acknowledged` asked for the oldest; and one more may go", "asked")
    talk.hear(300, 20)
    talk.expect([piece(300, 320)], "nothing is under way; 20 is what the receiver has room for", "receiver")
    judge.unit(script)


@pytest.mark.seeds(2)
def test_one_is_lost(judge: Judge) -> None:
    """In a connection: one segment is lost among many, and goes again when the third duplicate arrives."""
    source = judge.random
    says, lost = noise(60_000, source), source.randint(5, 15)
    far = FarEnd()
    scene = caller(far, says, ("sender",), name="one-lost", counting=True)
    trace = judge.play(scene.scripted(f"drop a-b:data:{lost}"))
    talk = Conversation(trace)
    gone = next((said for said in talk.said("a-b") if said.frame.lost), None)
    judge.bites("a segment was lost", gone is not None)
    assert gone is not None
    same = [at for at, said in talk.heard("b-a") if said.wanted == gone.start and said.is_bare]
    judge.bites("there were duplicates", len(same) > 4)
    third = same[3]
    again = next((s for s in talk.said("a-b") if s.start == gone.start and s.frame.at > gone.frame.at), None)
    judge.expect(
        "three:again",
        again is not None and abs(again.frame.at - third) < MILLISECOND,
        f"the third duplicate arrives at {seconds(third)}, and {gone.start} goes again at that moment",
        found=f"{named(again)} is the repeat",
    )
    sent = [said.start for said in talk.said("a-b") if said.start == gone.start]
    judge.expect("three:once", len(sent) == 2, "and once", found=f"{len(sent) - 1} times")
    expect_stream(judge, bytes(far.received), says, "b", "order")
    expect_an_end(judge, far, trace)
