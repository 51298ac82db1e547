"""The judge: what makes a check fail, pass, or show nothing, and that nothing but what was seen counts."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from labs.story.trace import Event, Exit, FrameEvent, PortEvent, Trace
from labs.testbed.judge import FURTHER_SEEDS, Broken, Judge, Outcome, Told, Verdict, derive_seeds, run_check
from labs.testbed.scene import Port, Program, Scene
from labs.testbed.sim import Played, play
from netstack.wire import Fault

from .conftest import Theatre, row

SCENE = Scene(name="talk", topology=row(2), programs=(Program(host="a", file="x.py"),))
QUIET = FrameEvent(1, "a-b", "query", 1, b"?", arrivals=(1,))
LOST = replace(QUIET, lost="dropped", faults=("drop a-b:query:1",), arrivals=())


def seen(*events: Event, unmet: Sequence[Fault] = (), overrun: str = "", omitted: int = 0) -> Played:
    trace = Trace(scene="talk", seed=1, testbed="sim", events=list(events), omitted=omitted)
    return Played(trace=trace, output={("a", "main"): "last line\n"}, unmet=tuple(unmet), overrun=overrun)


def judged(check: Callable[[Judge], None], played: Played, seeds: Sequence[int] = (1,)) -> Outcome:
    return run_check(check, lambda scene, seed: played, seeds, step="3")


def plays(judge: Judge) -> None:
    judge.play(SCENE)


class TestWhatFails:
    @pytest.mark.parametrize("how", ["raised", "died", "stopped"])
    def test_a_program_that_ends_badly(self, how: str) -> None:
        outcome = judged(plays, seen(Exit(5, "b", "main", "returned"), Exit(9, "a", "main", how, "line 7")))  # type: ignore[arg-type]
        assert outcome.verdict is Verdict.FAIL
        assert outcome.broken is not None
        assert outcome.broken.identity == f"program:{how}"
        assert outcome.broken.found == "line 7\nIts last output:\nlast line\n"

    @pytest.mark.parametrize("how", ["returned", "cancelled"])
    def test_a_program_that_ends_well_does_not(self, how: str) -> None:
        assert judged(plays, seen(Exit(9, "a", "main", how))).verdict is Verdict.PASS  # type: ignore[arg-type]

    def test_silence(self) -> None:
        outcome = judged(plays, seen(QUIET, unmet=[Fault.parse("drop a-b:answer:2")]))
        assert outcome.verdict is Verdict.FAIL
        assert outcome.broken is not None
        assert (outcome.broken.identity, outcome.broken.found) == ("silence:answer", "a-b carried 1 frames in all")

    def test_a_flood_that_pushes_evidence_out_of_the_trace(self) -> None:
        outcome = judged(plays, seen(QUIET, omitted=1))
        assert outcome.verdict is Verdict.FAIL
        assert outcome.broken is not None
        assert outcome.broken.identity == "flood"

    def test_the_first_expectation_that_does_not_hold(self) -> None:
        def check(judge: Judge) -> None:
            trace = judge.play(SCENE)
            judge.expect("sent", len(list(trace.frames())) == 1, "one frame is sent")
            judge.expect("whole", False, "it arrives whole", found="half of it", frame=QUIET)
            judge.expect("never", False, "this is not reached")

        outcome = judged(check, seen(QUIET))
        assert outcome.verdict is Verdict.FAIL
        assert [(told.identity, told.held) for told in outcome.story] == [
            ("play:talk", None),
            ("sent", True),
            ("whole", False),
        ]
        assert outcome.broken is not None
        assert (outcome.broken.found, outcome.broken.frame) == ("half of it", QUIET)

    def test_a_failure_ends_the_story_even_where_no_expectation_was_stated(self) -> None:
        outcome = judged(plays, seen(Exit(9, "a", "main", "raised", '  File "a.py"\ntrio.TooSlowError: boom')))
        text = "the program 'main' on host a raised an exception"
        assert outcome.story[-1] == Told("program:raised:TooSlowError", text, False)


class TestWhatShowsNothing:
    @staticmethod
    def needs_a_loss(judge: Judge) -> None:
        trace = judge.play(SCENE)
        judge.bites("a frame was lost", any(frame.lost for frame in trace.frames()))
        judge.expect("fine", True, "all is fine")

    def test_nothing_bit_under_any_seed(self) -> None:
        tried: list[int] = []

        def perform(scene: Scene, seed: int) -> Played:
            tried.append(seed)
            return seen(QUIET)

        outcome = run_check(self.needs_a_loss, perform, [1, 2], further=range(100, 200))
        assert outcome.verdict is Verdict.INCONCLUSIVE
        assert outcome.reason == "a frame was lost"
        assert tried == [1, 2, 100, 101, 102, 103]
        assert outcome.seeds_tried == 2 + FURTHER_SEEDS

    def test_a_further_seed_bites(self) -> None:
        outcome = run_check(
            self.needs_a_loss, lambda scene, seed: seen(LOST if seed == 101 else QUIET), [1], further=range(100, 200)
        )
        assert (outcome.verdict, outcome.seed, outcome.seeds_tried) == (Verdict.PASS, 101, 3)

    def test_one_seed_that_bites_is_enough_and_saves_the_further_ones(self) -> None:
        outcome = run_check(
            self.needs_a_loss, lambda scene, seed: seen(LOST if seed == 2 else QUIET), [1, 2, 3], further=[100]
        )
        assert (outcome.verdict, outcome.seeds_tried) == (Verdict.PASS, 3)

    def test_a_play_that_this_machine_was_too_slow_for(self) -> None:
        outcome = judged(plays, seen(QUIET, overrun="the play took more than 30 s of real time"))
        assert (outcome.verdict, outcome.reason) == (Verdict.INCONCLUSIVE, "the play took more than 30 s of real time")

    def test_a_program_that_fails_in_a_slow_play_fails(self) -> None:
        assert judged(plays, seen(Exit(9, "a", "main", "died"), overrun="too slow")).verdict is Verdict.FAIL


class TestSeeds:
    def test_a_failure_under_any_seed_is_the_verdict(self) -> None:
        def check(judge: Judge) -> None:
            judge.expect("odd", judge.seed % 2 == 1, "the seed is odd")

        outcome = run_check(check, lambda scene, seed: seen(), [1, 3, 4, 5])
        assert (outcome.verdict, outcome.seed, outcome.seeds_tried) == (Verdict.FAIL, 4, 3)

    def test_a_check_needs_a_seed(self) -> None:
        with pytest.raises(ValueError, match="at least one seed"):
            run_check(plays, lambda scene, seed: seen(), [])

    def test_hidden_seeds_hang_on_the_key_and_on_what_they_are_for(self) -> None:
        drawn = derive_seeds("key", "1", "check", 3)
        assert drawn == derive_seeds("key", "1", "check", 3)
        assert drawn[:2] == derive_seeds("key", "1", "check", 2)
        others = [
            derive_seeds(*what, 3) for what in (("other", "1", "check"), ("key", "2", "check"), ("key", "1", "x"))
        ]
        assert len({seed for seeds in (drawn, *others) for seed in seeds}) == 12

    def test_payloads_depend_on_the_seed_alone(self) -> None:
        draws = [Judge(lambda scene: seen(), seed).random.random() for seed in (1, 1, 2)]
        assert draws[0] == draws[1] != draws[2]


class TestFingerprints:
    def test_a_failure_is_known_by_its_step_its_expectation_and_what_was_hit_last(self) -> None:
        def check(judge: Judge) -> None:
            judge.play(SCENE)
            judge.expect("answered", False, "there is an answer")

        outcome = judged(check, seen(LOST, QUIET))
        assert outcome.fingerprint is not None
        assert (outcome.fingerprint.step, outcome.fingerprint.expectation) == ("3", "answered")
        assert (outcome.fingerprint.last_hit, outcome.fingerprint.bit) == ("query", True)
        untouched = judged(check, seen(QUIET)).fingerprint
        assert untouched is not None
        assert (untouched.last_hit, untouched.bit) == ("", False)


class TestOnRealPlays:
    """What a program says of itself changes no verdict."""

    @staticmethod
    def expects_an_answer(judge: Judge) -> None:
        trace = judge.play(SCENE)
        judge.expect("answered", trace.delivered("a") == [b"42"], "the answer is 42", found=str(trace.delivered("a")))

    @pytest.mark.parametrize(
        ("source", "verdict"),
        [
            ("async def main(host): await host.app.send(b'42')", Verdict.PASS),
            ("async def main(host): await host.app.send(b'41')", Verdict.FAIL),
            ("async def main(host): host.note('delivered b\"42\"; answered: pass')", Verdict.FAIL),
            ("async def main(host): print('PASSED')", Verdict.FAIL),
            ("import os\nasync def main(host):\n    host.app.send_nowait(b'42')\n    os._exit(0)", Verdict.FAIL),
            ("async def main(host):\n    while True: host.app.send_nowait(b'42')", Verdict.FAIL),
            ("", Verdict.FAIL),
        ],
    )
    def test_only_what_the_judge_saw_counts(self, stage: Theatre, source: str, verdict: Verdict) -> None:
        program = stage.program(source)
        scene = replace(SCENE, programs=(program,), ports=(Port(host="a"),))
        outcome = run_check(self.expects_an_answer, lambda _, seed: play(scene, stage.cast, seed=seed), [1])
        assert outcome.verdict is verdict

    def test_a_broken_expectation_is_an_assertion_so_that_pytest_shows_it(self) -> None:
        with pytest.raises(AssertionError):
            Judge(lambda scene: seen(PortEvent(0, "a", "app", "delivered", 1, b"")), 1).expect("x", False, "x holds")
        assert issubclass(Broken, AssertionError)
