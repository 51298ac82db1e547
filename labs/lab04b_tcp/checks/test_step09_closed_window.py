"""Step 9: through a window that closes, and a word that is lost."""

import itertools

import pytest

from labs.lab04b_tcp.evidence import (
    Conversation,
    Said,
    expect_an_end,
    expect_stream,
    expect_the_window_to_be_kept,
    named,
    seconds,
)
from labs.lab04b_tcp.peers import FarEnd, settings
from labs.lab04b_tcp.scenes import caller, noise
from labs.lab04b_tcp.senders import Dialogue, piece, question
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("9")


@pytest.mark.seeds(1)
def test_asking_by_itself(judge: Judge) -> None:
    """It asks while nothing is under way and only the window holds it back, at doubling distance, up to a minute."""
    script = Script("asks")
    talk = Dialogue(script)
    talk.begin()
    talk.hear(0, 100)
    talk.write(300)
    talk.expect([piece(0, 100)], "there is room for one", "one")
    talk.timer(2.0, "it is under way: the retransmission timer, and no other", "one-timer")
    talk.now = 1.5
    talk.hear(100, 0)
    talk.expect([], "there is no room", "closed")
    talk.timer(1.5 + 1.5, "0.5 + 4 * 0.25 is the timeout now, and after that it asks", "asks-at")
    talk.wake(2.0, "it is called before its time")
    talk.expect([], "it is too early to ask", "early")
    talk.wake(3.0)
    talk.expect([question(100)], "is there room? A number of old, and no bytes", "asks")
    talk.expect([], "it asks once", "once")
    talk.timer(6.0, "twice as long", "twice")
    talk.now = 3.2
    talk.hear(100, 0)
    talk.expect([], "there is no room yet", "no")
    talk.timer(6.0, "that was an answer, but no news", "goes-on")
    at, pause = 6.0, 6.0
    for _ in range(6):
        talk.wake(at)
        talk.expect([question(100)], "is there room?", "asks-again")
        at += min(pause, 60.0)
        pause *= 2
        talk.timer(at, "twice as long, but no longer than 60 s", "doubles")
    talk.hear(100, 150)
    talk.expect([piece(100, 200)], "there is room", "opens")
    talk.timer(talk.now + 1.5, "now something is under way", "resend")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_when_not_to_ask(judge: Judge) -> None:
    """It asks anew, with short pauses, when the window closes again; for a FIN too; and not when all has been sent."""
    script = Script("anew")
    talk = Dialogue(script)
    talk.begin()
    talk.hear(0, 0)
    talk.expect([], "nothing is written", "nothing")
    talk.timer(None, "nothing waits", "no-timer")
    talk.close()
    talk.expect([], "there is no room for the FIN", "fin-waits")
    talk.timer(2.0, "so it will ask", "fin-timer")
    talk.wake(2.0)
    talk.expect([question(0)], "is there room?", "fin-asks")
    talk.timer(4.0, "twice as long", "fin-twice")
    talk.now = 2.1
    talk.hear(0, 10)
    talk.expect([piece(0, 0, fin=True)], "there is", "fin-goes")
    talk.begin()
    talk.now = 1.0
    talk.hear(0, 0)
    talk.write(300)
    talk.expect([], "no room", "closed")
    talk.wake(2.0)
    talk.expect([question(0)], "is there room?", "asks")
    talk.now = 2.5
    talk.hear(0, 100)
    talk.expect([piece(0, 100)], "there is", "goes")
    talk.now = 2.6
    talk.hear(100, 0)
    talk.expect([], "no room again", "closed-again")
    talk.timer(
        2.6 + 0.3, "0.1 + 0.2: a new wait begins with one timeout, not with the long pause of the old one", "anew"
    )
    judge.unit(script)


def probes(talk: Conversation) -> list[Said]:
    """The segments of a that carry nothing, with a number that b has acknowledged before."""
    return [said for said in talk.said("a-b") if said.is_bare and said.start < heard_by(talk, said)]


def heard_by(talk: Conversation, said: Said) -> int:
    return max((each.wanted for at, each in talk.heard("b-a") if at <= said.frame.at), default=0)


@pytest.mark.seeds(2)
def test_a_lost_update(judge: Judge) -> None:
    """In a connection: the window opens, the word that says so is lost, and a question saves the conversation."""
    source = judge.random
    says, back = noise(30_000, source), source.randint(1_500, 2_500)
    far = FarEnd(settings=settings(receive_buffer=6_000), pauses=((0, back * MILLISECOND),))
    scene = caller(far, says, ("sender",), name="lost-update")
    trace = judge.play(scene.scripted(f"cut a-b:{back - 5}ms-{back + 15}ms"))
    talk = Conversation(trace)
    updates = [said for said in talk.said("b-a") if said.frame.at == back * MILLISECOND]
    judge.bites("the update was lost", bool(updates) and all(said.frame.lost for said in updates))
    expect_the_window_to_be_kept(judge, talk, mss=1_460)
    judge.expect("ask:probe", bool(probes(talk)), "a asks whether there is room", found="it never does")
    expect_stream(judge, bytes(far.received), says, "b", "order")
    expect_an_end(judge, far, trace)


@pytest.mark.seeds(2)
def test_a_long_lunch(judge: Judge) -> None:
    """In a connection: the window stays closed for minutes, and a asks at doubling distance, up to a minute."""
    source = judge.random
    says, back = noise(20_000, source), source.randint(250, 350)
    far = FarEnd(settings=settings(receive_buffer=5_000), pauses=((0, back * SECOND),))
    trace = judge.play(caller(far, says, ("sender",), name="long-lunch", seconds=600))
    talk = Conversation(trace)
    asked = [said for said in probes(talk) if said.frame.at < back * SECOND]
    judge.expect(
        "ask:probe", len(asked) > 5, "a asks, again and again, whether there is room", found=f"{len(asked)} times"
    )
    gaps = [later.frame.at - earlier.frame.at for earlier, later in itertools.pairwise(asked)]
    for said, earlier, later in zip(asked[2:], gaps, gaps[1:], strict=False):
        wanted = min(2 * earlier, 60 * SECOND)
        judge.expect(
            "ask:doubles",
            abs(later - wanted) < 50 * MILLISECOND,
            f"after {seconds(earlier)} it waits {seconds(wanted)}",
            found=f"{named(said)} comes after {seconds(later)}",
            frame=said.frame,
        )
    expect_the_window_to_be_kept(judge, talk, mss=1_460)
    expect_stream(judge, bytes(far.received), says, "b", "order")
