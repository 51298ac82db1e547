"""Step 5: the table that makes a retry safe, by itself, and while answers get lost."""

import pytest

from labs.lab04_stack.evidence import connections
from labs.lab05_fallacies.scenes import signing
from labs.testbed.judge import Judge
from labs.testbed.unit import Script

pytestmark = pytest.mark.step("5")

SIGN, SELL = b"sign Nia", b"sell Nia"


class Table:
    """A script about one `Once`: what is begun, finished and answered, and what must come of it. Times are seconds."""

    def __init__(self, name: str, *, size: int = 10, age: float = 60) -> None:
        self.script = Script(name)
        self.script.make("once.Once", store="once", keywords={"size": size, "age": age})

    def begin(self, identity: str, verdict: str, at: float, because: str, label: str, words: bytes = SIGN) -> None:
        self.script.call(
            "once.begin", identity, words, keywords={"now": at}, returns=verdict, because=because, label=label
        )

    def not_new(self, identity: str, at: float, because: str, label: str) -> None:
        """Begin it, and expect anything but that it is new."""
        self.script.call(
            "once.begin", identity, SIGN, keywords={"now": at}, returns=_is_known, because=because, label=label
        )

    def finish(self, identity: str, answer: bytes, at: float) -> None:
        because = f"it has been carried out, at {at:g} s"
        self.script.call("once.finish", identity, answer, keywords={"now": at}, because=because, label="finish")

    def answer(self, identity: str, answer: bytes, label: str) -> None:
        self.script.call("once.answer", identity, returns=answer, because="the answer that was given", label=label)


def _is_known(verdict: object) -> bool:
    return verdict != "new"


@pytest.mark.seeds(1)
def test_the_same_request_again(judge: Judge) -> None:
    """A request is new once; then it is under way; then it has been answered, as often as it comes."""
    table = Table("again")
    table.begin("a", "new", 0, "nobody has heard of it", "new")
    table.not_new("a", 0.4, "somebody has heard of it now", "known")
    table.begin("a", "under way", 0.5, "the first is not finished", "under-way")
    table.begin("a", "under way", 50, "nor is it later", "under-way-long")
    table.begin("b", "new", 50, "who means the same, and is somebody else, has another identity", "other")
    table.finish("a", b"4", 51)
    for n, at in enumerate((51, 52, 53), 1):
        table.begin("a", "answered", at, "the same request, after its answer", f"answered-{n}")
        table.answer("a", b"4", "answer")
    table.begin("b", "under way", 53, "the other one is not finished for that", "other-under-way")
    table.finish("b", b"", 54)
    table.begin("b", "answered", 54, "an answer may be empty", "empty")
    table.answer("b", b"", "empty-answer")
    judge.unit(table.script)


@pytest.mark.seeds(1)
def test_the_same_identity_for_something_else(judge: Judge) -> None:
    """An identity stands for one request: another one that comes with it is refused, and changes nothing."""
    table = Table("different")
    table.begin("a", "new", 0, "nobody has heard of it", "new")
    table.begin("a", "different", 1, "the same identity, other words, while the first is under way", "under-way", SELL)
    table.begin("a", "under way", 2, "the first is under way", "still")
    table.finish("a", b"4", 3)
    table.begin("a", "different", 4, "the same identity, other words, after the answer", "answered", SELL)
    table.begin("a", "answered", 5, "what was said first stands", "stands")
    table.answer("a", b"4", "answer")
    judge.unit(table.script)


@pytest.mark.seeds(1)
def test_a_bound_in_age(judge: Judge) -> None:
    """An answer is kept for `age` seconds after it was finished, and then forgotten; what is under way is not."""
    small = Table("small-and-old", size=1, age=10)
    small.begin("a", "new", 0, "nobody has heard of it", "new")
    small.finish("a", b"4", 1)
    small.begin("b", "new", 30, "a has been forgotten long since, and there is room", "room")
    judge.unit(small.script)
    table = Table("age", age=10)
    table.begin("slow", "new", 0, "it will take long", "slow")
    for identity, end in (("gone", 1), ("asked", 2), ("a", 8)):
        table.begin(identity, "new", 0, "nobody has heard of it", "new")
        table.finish(identity, b"4", end)
    table.begin("asked", "answered", 9, "7 s after it was finished", "asked-for")
    table.begin("gone", "new", 11.5, "10.5 s after it was finished", "gone")
    table.begin("asked", "new", 12.5, "10.5 s after it was finished, though it was asked for at 9 s", "asked-old")
    table.begin("a", "answered", 17.5, "9.5 s after it was finished", "young")
    table.begin("a", "new", 18, "at 10 s after it was finished it is forgotten", "moment")
    table.finish("a", b"5", 19)
    table.begin("a", "answered", 28.5, "it is kept anew", "anew")
    table.answer("a", b"5", "anew-answer")
    table.begin("slow", "under way", 500, "what is under way is never forgotten", "slow-under-way")
    table.finish("slow", b"6", 500)
    table.begin("slow", "answered", 505, "its age begins when it is finished", "slow-answered")
    judge.unit(table.script)
    early = Table("early", age=1.75)
    early.begin("a", "new", 0, "nobody has heard of it", "new")
    early.finish("a", b"4", 0)
    early.begin("a", "answered", 0, "it was finished, at 0 s", "answered")
    early.begin("a", "answered", 1.7, "1.7 of 1.75 s after it was finished", "young")
    early.begin("a", "new", 1.8, "1.8 s after it was finished, and it is kept for 1.75 s", "old")
    early.begin("b", "new", 2.5, "nobody has heard of it", "new")
    early.finish("b", b"4", 2.5)
    early.begin("b", "answered", 4, "1.5 s after it was finished, at 2.5 s", "point")
    judge.unit(early.script)


@pytest.mark.seeds(1)
def test_a_bound_in_size(judge: Judge) -> None:
    """At most `size` are known; a new one beyond them is turned away, and nobody is forgotten for it."""
    small = Table("small", size=1)
    small.begin("a", "new", 0, "there is room for one", "one")
    small.script.call("once.begin", "b", SIGN, keywords={"now": 0}, because="there is none for two", label="two")
    small.begin("c", "full", 0, "there is certainly none for three", "three")
    judge.unit(small.script)
    table = Table("size", size=3, age=10)
    for identity in "abc":
        table.begin(identity, "new", 0, "there is room", "room")
    table.begin("d", "full", 1, "three are under way, and three is the limit", "full-under-way")
    table.begin("d", "full", 1, "who is turned away is not known for it", "full-and-unknown")
    table.begin("b", "under way", 1, "who is known is not turned away", "known")
    table.begin("b", "different", 1, "nor is it when it says other words: it is refused for them", "known-other", SELL)
    table.finish("a", b"1", 2)
    table.begin("d", "full", 3, "a's answer is promised for 10 s, and is kept", "full-answered")
    table.begin("a", "answered", 4, "it was not forgotten for d", "kept")
    table.finish("b", b"2", 4)
    table.begin("d", "new", 12, "a's 10 s are over: there is room", "room-again")
    table.begin("e", "full", 12, "b, c and d: full again", "full-again")
    table.begin("a", "full", 12, "a is forgotten, and no better than any other", "forgotten")
    table.begin("b", "answered", 13, "b's are not over", "b-kept")
    judge.unit(table.script)
    many = Table("many-are-old", size=3, age=10)
    for n, identity in enumerate("abc"):
        many.begin(identity, "new", 0, "there is room", "room")
        many.finish(identity, b"4", n / 10)
    many.begin("c", "new", 30, "all three were forgotten long since", "all-of-them")
    judge.unit(many.script)
    other = Script("another-table")
    for name in ("one", "another"):
        other.make("once.Once", store=name, keywords={"size": 3, "age": 10})
        because = "nobody has heard of it, here" if name == "another" else "nobody has heard of it"
        other.call(f"{name}.begin", "a", SIGN, keywords={"now": 0}, returns="new", because=because, label=name)
    judge.unit(other)


def test_an_answer_is_lost(judge: Judge) -> None:
    """The answer is lost; the office asks again on another connection: the player is signed once, and it learns so."""
    player = f"Nia {judge.random.randrange(1000)}"
    scene = signing(
        [f"{player} for Herons", "Herons?"],
        every=6.0,
        faults=["drop b-a:data:1-4"],
        name="answer-lost",
        office={"patience": 0.7},
    )
    trace = judge.play(scene)
    judge.bites("the office asked again", connections(trace, "a-b") > 2)
    _expect_once(judge, trace.delivered("a"), player)


def test_the_first_is_still_under_way(judge: Judge) -> None:
    """Signing takes longer than the office waits: the second request waits for it, and nobody is signed twice."""
    player = f"Ola {judge.random.randrange(1000)}"
    scene = signing(
        [f"{player} for Herons", "Herons?"],
        every=6.0,
        takes=judge.random.uniform(1.2, 1.6),
        name="under-way",
        office={"patience": 0.5},
    )
    trace = judge.play(scene)
    judge.bites("the office asked again", connections(trace, "a-b") > 3)
    _expect_once(judge, trace.delivered("a"), player)


def test_two_who_mean_the_same(judge: Judge) -> None:
    """Two players of one name are signed, one after the other: two identities, two players."""
    player = f"Sam {judge.random.randrange(1000)}"
    got = judge.play(signing([f"{player} for Otters", f"{player} for Otters", "Otters?"], every=2.0)).delivered("a")
    judge.expect(
        "signed:both",
        got[-1:] == [f"Otters?: {['Barbara', 'Leslie', player, player]}".encode()],
        "what was meant twice is done twice",
        found=str(got),
    )


def _expect_once(judge: Judge, got: list[bytes], player: str) -> None:
    team = ["Ada", "Edsger", "Grace", player]
    listed = got[-1:] and got[-1].decode("utf-8", "replace").count(player)
    judge.expect("signed:once", listed == 1, f"{player} plays for the Herons, once", found=str(got[-1:]))
    judge.expect(
        "signed:told",
        got == [f"{player} for Herons: 4".encode(), f"Herons?: {team}".encode()],
        "the office learns what came of it",
        found=str(got),
    )
