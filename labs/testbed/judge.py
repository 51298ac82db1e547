"""The judge: plays scenes, states what must hold, and comes to a verdict.

A check is a function of a `Judge`. It plays one scene or several, says what must have *bitten* (a fault that had no
effect proves nothing), and what it expects of the trace:

    def test_a_lost_question_is_asked_again(judge):
        trace = judge.play(question_and_answer.scripted("drop a-b:query:1"))
        judge.bites("a question was lost", any(frame.lost for frame in trace.frames("a-b", "query")))
        judge.expect("answered", trace.delivered("a") == [ANSWER], "teams has the answer in spite of it")

Every expectation has an identity, by which a failure is recognised, and a sentence, which tells the story. The verdict
is *fail* at the first expectation that does not hold, at a program that raises, dies or must be stopped, and at a
scripted fault whose frame was never sent: silence is no success. Where nothing bit, further seeds are tried; if nothing
bites under any of them, the check is *inconclusive*, which is never a pass.
"""

import enum
import hashlib
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labs.story.trace import Exit, FrameEvent, Trace
from labs.testbed.scene import Scene
from labs.testbed.sim import Played

if TYPE_CHECKING:
    from labs.testbed.unit import Script

FURTHER_SEEDS = 4


class Verdict(enum.StrEnum):
    """What a check, a step or a lab comes to."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a check's story: what was played, what bit, what was expected; `held` is None for a mere event.

    A line of a unit script also has what `came` back and, where that is a value, what was `wanted`.
    """

    identity: str
    text: str
    held: bool | None = None
    came: str = ""
    wanted: str = ""


class Broken(AssertionError):
    """An expectation that did not hold.

    `found` says what was seen instead, `frame` is the frame that shows it, `wanted` the bytes that it should have had,
    or a frame that was as it should be; `not_reached` are the sentences after it. A `hint` is what helps here, and here
    alone.
    """

    def __init__(
        self,
        identity: str,
        text: str,
        *,
        found: str = "",
        frame: FrameEvent | None = None,
        wanted: bytes | FrameEvent | None = None,
        not_reached: Sequence[str] = (),
        hint: str = "",
    ) -> None:
        super().__init__(text)
        self.hint = hint
        self.identity, self.text, self.found, self.frame, self.wanted = identity, text, found, frame, wanted
        self.not_reached = tuple(not_reached)


class DidNotBite(Exception):
    """What a check needs to have happened did not happen, so that it shows nothing under this seed."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """By what a failure is recognised, so that the hint which fits it can be given."""

    step: str
    expectation: str
    last_hit: str
    bit: bool


@dataclass(slots=True)
class Judge:
    """What a check is given. `perform` plays a scene on the testbed at hand with the submission's programs.

    `random` is seeded for payloads and the like; `story` is what has been told so far.
    """

    perform: Callable[[Scene], Played]
    seed: int
    story: list[Told] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    bit: bool = False

    @property
    def random(self) -> random.Random:
        """A fresh generator that depends on the seed alone: two calls draw the same numbers."""
        return random.Random(f"payloads {self.seed}")

    def play(self, scene: Scene) -> Trace:
        """Play `scene`; raises `Broken` when a program failed, or never sent the frame that a fault was meant for."""
        self.story.append(Told(f"play:{scene.name}", f"played {scene.name!r}{_with_faults(scene)}"))
        played = self.perform(scene)
        self.played.append(played)
        self.expect_no_failures(played)
        if played.overrun:
            raise DidNotBite(played.overrun)
        if played.trace.omitted:
            raise Broken(
                "flood", "all that happens finds room in a trace", found=f"{played.trace.omitted} events did not"
            )
        for fault in played.unmet:
            raise Broken(
                f"silence:{fault.kind}",
                f"the frame that `{fault}` was meant for was never sent",
                found=f"{fault.direction} carried {sum(1 for _ in played.trace.frames(fault.direction))} frames in all",
            )
        if any(frame.faults for frame in played.trace.frames()):
            self.bit = True
        return played.trace

    def unit(self, script: "Script") -> None:
        """Have the submission do a unit script; raises `Broken` at the first answer that is not as it should be."""
        self.story.append(Told(f"unit:{script.name}", f"ran {script.name!r}"))
        script.examine(self)

    def expect_no_failures(self, played: Played) -> None:
        """Raise `Broken` for the first program that raised, died or had to be stopped."""
        for exit_ in played.trace.exits():
            self._expect_no_failure(exit_, played)

    def _expect_no_failure(self, exit_: Exit, played: Played) -> None:
        if exit_.how in ("raised", "died", "stopped"):
            printed = played.output.get((exit_.host, exit_.program), "")
            raised = _EXCEPTION.search(exit_.detail) if exit_.how == "raised" else None
            raise Broken(
                f"program:{exit_.how}" + (f":{raised[1]}" if raised else ""),
                f"the program {exit_.program!r} on host {exit_.host} {_ENDINGS[exit_.how]}",
                found=exit_.detail + (f"\nIts last output:\n{printed}" if printed else ""),
            )

    def bites(self, what: str, happened: bool) -> None:
        """State what must have happened for this check to show anything; if it did not, this seed shows nothing."""
        self.story.append(Told("bites", what, happened))
        if not happened:
            raise DidNotBite(what)
        self.bit = True

    def expect(
        self,
        identity: str,
        holds: bool,
        text: str,
        *,
        found: str = "",
        frame: FrameEvent | None = None,
        wanted: bytes | FrameEvent | None = None,
        hint: str = "",
    ) -> None:
        """State what must hold. `text` is the sentence that is true when it does; `found` says what was seen if not.

        Where it is about what a `frame` says, `wanted` is what it should be, or another frame that is right: a failure
        is then told by the fields in which they differ.
        """
        self.story.append(Told(identity, text, holds))
        if not holds:
            raise Broken(identity, text, found=found, frame=frame, wanted=wanted, hint=hint)


_EXCEPTION = re.compile(r"^(?:\w+\.)*(\w+)(?::|$)", re.MULTILINE)  # the name in the last line of a traceback
_ENDINGS = {"raised": "raised an exception", "died": "ended all of a sudden", "stopped": "had to be stopped"}


def _with_faults(scene: Scene) -> str:
    return f" with {', '.join(map(str, scene.script))}" if scene.script else ""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one check came to, under the seed that decided it: the first that broke it, else the last that was tried."""

    verdict: Verdict
    seed: int
    seeds_tried: int
    story: Sequence[Told]
    broken: Broken | None = None
    reason: str = ""
    played: Sequence[Played] = ()
    fingerprint: Fingerprint | None = None


def run_check(
    check: Callable[[Judge], None],
    perform: Callable[[Scene, int], Played],
    seeds: Iterable[int],
    *,
    further: Iterable[int] = (),
    step: str = "",
) -> Outcome:
    """Run `check` under each of `seeds`, and where none of them bit, under at most four `further` ones.

    `perform(scene, seed)` plays a scene. The first failure ends it; a pass needs at least one seed that bit.
    """
    remaining = list(further)[:FURTHER_SEEDS]
    queue = list(seeds)
    tried, passed, outcome = 0, None, None
    while queue:
        outcome = _run_once(check, perform, queue.pop(0), step)
        tried += 1
        outcome.seeds_tried = tried
        if outcome.verdict is Verdict.FAIL:
            return outcome
        if outcome.verdict is Verdict.PASS:
            passed = outcome
        elif remaining and not queue and passed is None:
            queue.append(remaining.pop(0))
    result = passed or outcome
    if result is None:
        raise ValueError("a check needs at least one seed")
    result.seeds_tried = tried
    return result


def _run_once(check: Callable[[Judge], None], perform: Callable[[Scene, int], Played], seed: int, step: str) -> Outcome:
    judge = Judge(lambda scene: perform(scene, seed), seed)
    try:
        check(judge)
    except Broken as broken:
        if not judge.story or judge.story[-1].held is not False:
            judge.story.append(Told(broken.identity, broken.text, False))
        fingerprint = Fingerprint(step, broken.identity, _last_hit(judge.played), judge.bit)
        return _outcome(Verdict.FAIL, judge, broken=broken, fingerprint=fingerprint)
    except DidNotBite as missing:
        return _outcome(Verdict.INCONCLUSIVE, judge, reason=str(missing))
    return _outcome(Verdict.PASS, judge)


def _outcome(
    verdict: Verdict,
    judge: Judge,
    *,
    broken: Broken | None = None,
    reason: str = "",
    fingerprint: Fingerprint | None = None,
) -> Outcome:
    return Outcome(
        verdict=verdict,
        seed=judge.seed,
        seeds_tried=1,
        story=judge.story,
        broken=broken,
        reason=reason,
        played=judge.played,
        fingerprint=fingerprint,
    )


def _last_hit(played: Sequence[Played]) -> str:
    """The kind of the last frame that a fault hit, in the last play."""
    hit = [frame for frame in played[-1].trace.frames() if frame.faults] if played else []
    return hit[-1].kind if hit else ""


def derive_seeds(key: str, lab: str, check: str, count: int) -> list[int]:
    """The seeds of one check: 64-bit numbers that nobody can tell without `key`; a student's have the key `visible`."""
    return [
        int.from_bytes(
            hashlib.blake2b(f"{lab}|{check}|{n}".encode(), key=key.encode()[:64], digest_size=8).digest(), "big"
        )
        for n in range(count)
    ]
