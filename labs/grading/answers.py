"""Predictions and diagnoses judged: what stands in a submission's `answers.toml` against the truth for its key.

The truth of a prediction is played with the reference's programs; a student's edition of the course has none and plays
the submission's own. The truth of a diagnosis lies in the lab's `cases/answers.toml`, as salted hashes: enough that it
gives nothing away at a glance, no more, for the answers are few.
"""

import hashlib
import json
import secrets
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from labs.course import ANSWERS, CourseError, Kind, Lab, Step
from labs.grading.checks import Check, import_part
from labs.grading.reference import Patch, read_patches
from labs.questions import Play, Question, normal
from labs.story.trace import Trace, TraceError
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.judge import Broken, Judge, derive_seeds
from labs.testbed.scene import Scene


class SeededPlay(Protocol):
    """Plays a scene on `sim` under a seed."""

    def __call__(self, scene: Scene, seed: int) -> Trace: ...


MOST_BYTES = 64 << 10
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Case:
    """A trace to diagnose, and the hashes of what is right about it."""

    file: Path
    salt: str
    defect: str
    frames: tuple[str, ...]

    def holds(self, patch: Patch, trace: Trace) -> bool:
        """Whether this is the case that `patch` makes: its trace, its defect, its frames."""
        frames = {disguise(self.salt, frame) for frame in patch.all("frame")}
        try:
            stored = list(Trace.read(self.file).to_lines())
        except (OSError, TraceError):
            return False
        same = (self.defect, set(self.frames)) == (disguise(self.salt, patch.one("defect")), frames)
        return same and stored == list(trace.to_lines())


def check_of(lab: Lab, step: Step, submission: Path, play: SeededPlay) -> Check:
    """The check of a predict or diagnose step for this submission; `play` is that of the right programs."""
    key = _key(submission)

    def check(judge: Judge) -> None:
        if asks_questions(lab, step):
            _judge_prediction(judge, lab, step, submission, lambda scene: play(scene, judge.seed))
        else:
            _judge_diagnosis(judge, lab, step, submission)

    return Check(
        name=f"{step.kind}_{step.id}",
        step=step.id,
        function=check,
        sentence=f"the answers in [step{step.id}] of {ANSWERS}",
        testbeds=("sim",),
        seeds=1,
        exact=True,
        hint="",
        file=lab.folder / "questions.py",
        fixed=(_seed(lab, step, key),),
    )


def _seed(lab: Lab, step: Step, key: str) -> int:
    """The seed under which everything is played that concerns this student's answers to this step."""
    return derive_seeds(key, lab.number, step.id, 1)[0]


def asks_questions(lab: Lab, step: Step) -> bool:
    """Whether a step asks questions of its own; a diagnosis that does not is about a stored case."""
    return step.kind is Kind.PREDICT or (step.kind is Kind.DIAGNOSE and _asking(lab, step) is not None)


def _asking(lab: Lab, step: Step) -> Callable[[str, Play], list[Question]] | None:
    module = import_part(lab, "questions")
    return getattr(module, f"{step.kind}_{step.id}", None) or getattr(module, str(step.kind), None)


def questions_for(lab: Lab, step: Step, key: str, play: Play) -> list[Question]:
    """The questions that a step asks the student with `key`."""
    ask_step = _asking(lab, step)
    if ask_step is None:
        raise CourseError(f"{lab.folder}/questions.py lacks {step.kind}(key, play)", cure=f"step {step.id} needs it")
    return list(ask_step(key, play))


def own_scenes(lab: Lab, key: str) -> dict[str, Scene]:
    """The scenes that this student's questions are about and may be played before they are answered."""
    if all(step.kind is Kind.BUILD for step in lab.steps):
        return {}
    own = getattr(import_part(lab, "questions"), "own_scenes", None)
    return own(key) if own else {}


def ask(lab: Lab, step: Step, key: str) -> list[Question]:
    """The questions of a step, to be read and not to be judged: nothing is played for them."""

    def not_yet(scene: Scene) -> Trace:
        raise CourseError(
            f"{lab.folder}/questions.py plays {scene.name!r} before the answers", cure="make answer a function"
        )

    return questions_for(lab, step, key, not_yet)


def defects(lab: Lab) -> dict[str, str]:
    """The defects among which a diagnosis chooses: names and sentences."""
    return dict(import_part(lab, "questions").DEFECTS)


def read_cases(lab: Lab) -> list[Case]:
    """The lab's cases; raises `CourseError` where they are missing or broken."""
    path = lab.folder / "cases" / ANSWERS
    try:
        table = tomllib.loads(path.read_text(encoding="ascii"))
        cases = [
            Case(path.parent / each["file"], each["salt"], each["defect"], tuple(each["frames"]))
            for each in table["case"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{path} cannot be used: {error}", cure=f"./lab prove {lab.number} --cases makes it"
        ) from None
    if not cases:
        raise CourseError(f"{path} holds no case", cure=f"./lab prove {lab.number} --cases makes them")
    return cases


def case_for(lab: Lab, key: str) -> Case:
    """The case that the student with `key` has to diagnose."""
    cases = read_cases(lab)
    return cases[derive_seeds(key, lab.number, "case", 1)[0] % len(cases)]


def read_answers(submission: Path) -> dict[str, Any]:
    """What stands in a submission's answers.toml; raises `Broken`, for the file is a student's."""
    path = submission / ANSWERS
    try:
        if path.is_symlink() or path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it must be a file of at most {MOST_BYTES >> 10} KiB")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        text = f"{ANSWERS} can be read"
        raise Broken("answers:file", text, found=str(error)) from None


def key_of(submission: Path) -> str:
    """The student's key in answers.toml; raises `Broken` when there is none."""
    key = read_answers(submission).get("key")
    if not isinstance(key, str) or not 0 < len(key) <= 80:
        raise Broken("answers:key", f"{ANSWERS} names the student's key", found='its first line should be key = "…"')
    return key


def _key(submission: Path) -> str:
    try:
        return key_of(submission)
    except Broken:
        return ""


def _answers_to(step: Step, submission: Path) -> dict[str, Any]:
    answers = read_answers(submission).get(f"step{step.id}", {})
    if not isinstance(answers, dict):
        raise Broken("answers:table", f"[step{step.id}] is a table", found=str(answers)[:SHOWN])
    return answers


def _judge_prediction(judge: Judge, lab: Lab, step: Step, submission: Path, play: Play) -> None:
    key, answers = key_of(submission), _answers_to(step, submission)
    for question in questions_for(lab, step, key, play):
        is_right = question.accepts(answers.get(question.id))
        _expect_answer(judge, question.id, question.text, answers, is_right, hint=question.hint)


def _judge_diagnosis(judge: Judge, lab: Lab, step: Step, submission: Path) -> None:
    case, answers = case_for(lab, key_of(submission)), _answers_to(step, submission)
    menu = defects(lab)
    _expect_something(judge, "defect", answers)
    judge.expect(
        "answer:known",
        answers.get("defect") in menu,
        "defect is one of those that `lab questions` lists",
        found=f"{_shown(answers.get('defect'))} is none of {', '.join(menu)}",
    )
    _expect_answer(
        judge, "defect", "which defect it is", answers, disguise(case.salt, answers["defect"]) == case.defect
    )
    frame = answers.get("frame", "")
    text = "the defect is the right one; which frame proves it"
    _expect_answer(judge, "frame", text, answers, disguise(case.salt, frame) in case.frames)


def _expect_answer(judge: Judge, name: str, text: str, answers: dict[str, Any], right: bool, *, hint: str = "") -> None:
    _expect_something(judge, name, answers)
    judge.expect(f"answer:{name}", right, f"{text} ({name})", found=f"{name} = {_shown(answers[name])}", hint=hint)


def _expect_something(judge: Judge, name: str, answers: dict[str, Any]) -> None:
    if name not in answers:
        judge.expect(f"answer:{name}", False, f"{name} is answered", found=f"there is no line `{name} = …`")
    judge.expect(f"answer:{name}", answers[name] != "", f"{name} is answered", found="not answered yet")


def _shown(value: object) -> str:
    return repr(value)[:SHOWN]


def given_folder(lab: Lab) -> Path | None:
    """The lab's folder of given programs, if it has one."""
    folder = lab.folder / "given"
    return folder if folder.is_dir() else None


# Making cases ---------------------------------------------------------------------------------------------------------


def disguise(salt: str, answer: object) -> str:
    """The hash of an answer, salted, as `cases/answers.toml` holds it."""
    return hashlib.blake2b(normal(answer).encode(), salt=bytes.fromhex(salt), digest_size=16).hexdigest()


def play_case(lab: Lab, patch: Patch, own: Path, *, like: Cast | None = None) -> Trace:
    """The trace that the held-back mutant `patch`, applied in `own`, leaves in the scene that its header names."""
    scenes: dict[str, Scene] = import_part(lab, "scenes").SCENES
    name = patch.one("scene")
    if name not in scenes:
        raise CourseError(f"{patch.file} names the scene {name!r}", cure=f"the scenes are {', '.join(scenes)}")
    with like.another(own) if like else Cast(own=own, given=given_folder(lab), hidden=lab.hidden) as cast:
        trace = sim.play(scenes[name], cast, seed=int(patch.one("seed"))).trace
    trace.seed = 0  # it would replay the case
    return trace


def write_cases(lab: Lab, traces: dict[str, tuple[Patch, Trace]]) -> None:
    """Write `cases/` anew: a trace each under a name that tells nothing, and the hashes of what is right about it."""
    folder = lab.folder / "cases"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.jsonl"):
        old.unlink()
    lines = [f"# Made by `lab prove {lab.number} --cases`. What is right stands here as salted hashes."]
    menu = defects(lab)
    for name in sorted(traces, key=case_file):
        patch, trace = traces[name]
        if patch.one("defect") not in menu:
            raise CourseError(f"{patch.file} has a defect that is not in DEFECTS", cure=f"there are {', '.join(menu)}")
        salt = secrets.token_hex(8)
        frames = ", ".join(f'"{disguise(salt, frame)}"' for frame in patch.all("frame"))
        trace.write(folder / case_file(name))
        lines += ["", "[[case]]", f'file = "{case_file(name)}"', f'salt = "{salt}"']
        lines += [f'defect = "{disguise(salt, patch.one("defect"))}"', f"frames = [{frames}]"]
    (folder / ANSWERS).write_text("\n".join(lines) + "\n", encoding="ascii")


def case_file(name: str) -> str:
    """The name of a held-back mutant's case, which tells nothing."""
    return f"case-{hashlib.blake2b(name.encode(), digest_size=3).hexdigest()}.jsonl"


def true_answers(lab: Lab, key: str, play: SeededPlay) -> str:
    """The answers.toml that is right for `key`, its predictions played by `play`."""
    lines = [f"key = {json.dumps(key)}"]
    for step in lab.steps:
        if step.kind is Kind.BUILD:
            continue
        if asks_questions(lab, step):
            seeded = partial(play, seed=_seed(lab, step, key))
            answers = {each.id: each.truth() for each in questions_for(lab, step, key, seeded)}
        else:
            wanted = case_for(lab, key).file.name
            patch = next(each for each in read_patches(lab.folder / "held") if case_file(each.name) == wanted)
            answers = {"defect": patch.one("defect"), "frame": patch.all("frame")[0]}
        lines += ["", f"[step{step.id}]", *(f"{name} = {json.dumps(value)}" for name, value in answers.items())]
    return "\n".join(lines) + "\n"
