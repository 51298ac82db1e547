"""Grading: submissions of lab 3 a minute, on one processor and on two; `lab check`, and how soon it says something.

The submissions are what a class hands in: right answers, of which most is to be judged, wrong ones, and the starter.
They are graded in the best sandbox that can be had here, each alone, a worker to a processor. `lab check` judges a
right answer on `sim`, on one processor, as a command of its own; its lines come through a pipe. The goals are times,
for which nothing else may run: the processor time in the notes is what remains comparable on a busy machine. They are
for `sim`: a step on Mininet takes the time that it takes, some seconds for each submission in which a worker waits.
"""

import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.rows import Row
from labs.cli.exit import FAILED
from labs.course import ANSWERS, Course, Kind, Lab, open_course
from labs.grading import batch
from labs.grading.answers import true_answers
from labs.grading.examination import Examination
from labs.grading.proof import Terms as ProofTerms
from labs.grading.proof import prove
from labs.grading.reference import copy_files, lay_out, read_patches, right_answers
from labs.testbed import sandbox, testbeds

LAB = "3"
LABS = ("0", "1", "2", "3")
A_MINUTE = 60.0  # submissions, with two processors
LINEAR = 1.8  # times as many with two processors as with one
CHECKED = 10.0  # seconds
FIRST_VERDICT = 1.0  # seconds
PROVED = 180.0  # seconds for all labs, with two processors
WRONG_EACH = 4  # one mutant in so many is handed in


def rows(quick: bool) -> Iterable[Row]:
    """Grading, then checks; where there is time, the proof of the labs."""
    course = open_course()
    with tempfile.TemporaryDirectory(prefix="downstack-bench-") as folder:
        yield from _grading(course, course.lab(LAB), Path(folder), 4 if quick else 20)
        for number in (LABS[0], LAB) if quick else LABS:
            yield from _checking(course, course.lab(number), Path(folder))
    if not quick:
        yield _proving([course.lab(number) for number in LABS])


def _grading(course: Course, lab: Lab, folder: Path, count: int) -> Iterator[Row]:
    submissions = list(itertools.islice(_handed_in(course, lab, folder / "class"), 2 * count))
    level, _ = sandbox.best_level()
    unit, what = "submissions/min", f"lab {lab.number} graded on sim"
    one, spent = _graded(lab, submissions[:count], jobs=1)
    note = f"sandbox level {int(level)}; {spent / count:.2f} s of processor time each"
    yield Row(what=f"{what}, 1 worker on 1 processor", ours=one, unit=unit, note=note)
    what += ", 2 workers on 2 processors"
    if len(_processors()) < 2:
        yield Row(what=what, ours=None, unit=unit, goal=A_MINUTE, note="this machine lends us one processor only")
        return
    two, spent = _graded(lab, submissions, jobs=2)
    note = f"sandbox level {int(level)}; {spent / len(submissions):.2f} s of processor time each"
    yield Row(what=what, ours=two, unit=unit, goal=A_MINUTE, note=note)
    yield Row(what=what, ours=two, unit=unit, peer_name="1 worker", peer=one, goal=LINEAR)
    if reason := testbeds.why_not("mininet"):
        yield Row(what=f"{what}, and on Mininet", ours=None, unit=unit, note=reason)
        return
    both, spent = _graded(lab, submissions[:count], jobs=2, on=None)
    note = f"sandbox level {int(level)}; {spent / count:.2f} s of processor time each"
    yield Row(what=f"{what}, and on Mininet", ours=both, unit=unit, note=note)


def _handed_in(course: Course, lab: Lab, folder: Path) -> Iterator[Path]:
    """Submissions, again and again the same few: right ones, wrong ones, now and then the starter."""
    answers = _with_answers(course, lab, folder / "answers") / ANSWERS
    right, wrong = [None, *right_answers(lab)], read_patches(lab.folder / "wrong")[::WRONG_EACH]
    for number in itertools.count():
        own = folder / f"student-{number:03}"
        if number % 10 == 9:
            copy_files(lab.folder / "starter", own)
            yield own
            continue
        lay_out(course, lab, own)
        (own / ANSWERS).write_bytes(answers.read_bytes())
        if number % 2:
            wrong[number // 2 % len(wrong)].apply(own)
        elif another := right[number // 2 % len(right)]:
            copy_files(another, own)
        yield own


def _with_answers(course: Course, lab: Lab, folder: Path) -> Path:
    """The reference as a submission, with true answers to the questions."""
    own = lay_out(course, lab, folder)
    if any(step.kind is not Kind.BUILD for step in lab.steps):
        with Examination(lab=lab, submission=own) as examination:
            (own / ANSWERS).write_text(true_answers(lab, "bench", examination.play_own), encoding="utf-8")
    return own


def _graded(lab: Lab, submissions: list[Path], *, jobs: int, on: str | None = "sim") -> tuple[float, float]:
    """How many were graded a minute, and the seconds of processor time that all took."""
    level, _ = sandbox.best_level()
    with _on_processors(jobs):
        began, before = time.perf_counter(), _spent()
        batch.grade(lab, submissions, batch.Terms(level=level, jobs=jobs, on=on))
        return 60 * len(submissions) / (time.perf_counter() - began), _spent() - before


def _checking(course: Course, lab: Lab, folder: Path) -> Iterator[Row]:
    own = _with_answers(course, lab, folder / f"lab{lab.number}")
    command = [sys.executable, "-m", "labs", "check", lab.number, "--on", "sim", "--submission", str(own)]
    home = {**os.environ, "DOWNSTACK_HOME": str(folder / "home")}
    with _on_processors(1):
        began, before = time.perf_counter(), _spent()
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=home) as check:
            assert check.stdout is not None
            check.stdout.readline()
            first = time.perf_counter() - began
            check.stdout.read()
        whole, spent = time.perf_counter() - began, _spent() - before
    what, note = f"lab check {lab.number} --on sim, 1 processor", f"{spent:.1f} s of processor time"
    yield Row(what=f"{what}: first verdict", ours=first, unit="s", goal=FIRST_VERDICT, smaller_is_better=True)
    if check.returncode == FAILED:  # and not one for the step that needs Mininet
        yield Row(what=what, ours=None, unit="s", goal=CHECKED, note="the reference does not pass")
    else:
        yield Row(what=what, ours=whole, unit="s", goal=CHECKED, smaller_is_better=True, note=note)


def _proving(labs: list[Lab]) -> Row:
    with _on_processors(2):
        began = time.perf_counter()
        for lab in labs:
            prove(lab, ProofTerms(on="sim"), jobs=2)
        took = time.perf_counter() - began
    what = f"labs {labs[0].number} to {labs[-1].number} proved on sim, 2 processors"
    return Row(what=what, ours=took, unit="s", goal=PROVED, smaller_is_better=True)


def _processors() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


@contextmanager
def _on_processors(count: int) -> Iterator[None]:
    """Have only so many of our processors, for this process and for what it starts."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _spent() -> float:
    """Seconds of processor time that this process, and those that it has waited for, have used so far."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
