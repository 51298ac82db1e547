"""A whole course's submissions, graded side by side: a process for each, and a result for each whatever happens.

The parent imports everything once and forks a worker for each submission, which starts at once. Workers send a record
for each step; only the parent, which never reads a submission, writes results. A worker that takes too long, or that
ends without having said so, leaves a result that says how far it came and why no further.
"""

import csv
import io
import multiprocessing
import re
import shutil
import signal
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import Any

from labs.course import Kind, Lab
from labs.grading.answers import asks_questions, key_of
from labs.grading.checks import Check, find_checks
from labs.grading.examination import VISIBLE, Examination, reference_cast
from labs.grading.hints import hint_for
from labs.grading.intake import Refused, take_in
from labs.grading.results import Record, Result
from labs.story import narrate
from labs.story.escape import csv_cell, plain
from labs.testbed import sandbox, testbeds
from labs.testbed.cast import Cast, CastError
from labs.testbed.judge import Broken, Verdict
from labs.testbed.sandbox import Level
from labs.workspace import write_atomically

DEADLINE = 180.0  # seconds for one submission
GRACE = 5.0  # seconds for a worker to put its programs away before it is killed
RANDOM_KEY = "random-"  # how a key begins that is bound to nobody

_SPAWN = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a batch is graded. `deadline` is seconds for a submission; `out` is where results go, if anywhere.

    `on` is the only testbed, where that is wanted: what needs another is not run.
    """

    key: str = VISIBLE
    on: str | None = None
    level: Level = Level.NONE
    jobs: int = 1
    deadline: float = DEADLINE
    out: Path | None = None


@dataclass(slots=True)
class _Worker:
    """A submission being graded."""

    process: Any
    news: Connection
    result: Result
    began: float = field(default_factory=time.monotonic)
    step: str = ""  # that is being judged


def submissions_in(path: Path, lab: Lab) -> list[Path]:
    """The submissions that `path` names: itself when a file of the lab lies in it, else the folders in it."""
    if path.is_symlink() or not path.is_dir() or any((path / name).exists() for name in lab.deliverables):
        return [path]
    inside = [each for each in sorted(path.iterdir()) if not each.name.startswith(".")]
    return [each for each in inside if each.is_symlink() or each.is_dir()] or [path]


def grade(
    lab: Lab, submissions: Sequence[Path], terms: Terms, *, told: Callable[[Result], None] = lambda result: None
) -> list[Result]:
    """Grade all, and return a result for each, in their order; `told` is called with each as it is done."""
    checks = find_checks(lab)  # before the forks, as what follows, so that every worker has it
    for testbed in {name for step in lab.steps for name in step.testbeds}:
        testbeds.why_not(testbed)
    batch = _Batch(lab, terms, checks, [_result_for(lab, path, terms) for path in submissions], told)
    batch.save_all()
    batch.keep_reference()
    waiting = list(zip(submissions, batch.results, strict=True))[::-1]
    try:
        while waiting or batch.workers:
            while waiting and len(batch.workers) < terms.jobs:
                batch.start(*waiting.pop())
            batch.listen()
    except BaseException:
        batch.stop_all("the grader was stopped")
        raise
    finally:
        batch.close()
    return batch.results


def _result_for(lab: Lab, path: Path, terms: Terms) -> Result:
    return Result(lab=lab, submission=plain(path.name), level=terms.level, key=terms.key)


class _Batch:
    """The parent's side."""

    def __init__(
        self, lab: Lab, terms: Terms, checks: Sequence[Check], results: list[Result], told: Callable[[Result], None]
    ) -> None:
        self.lab, self.terms, self.checks, self.results, self.told = lab, terms, checks, results, told
        self.workers: list[_Worker] = []
        self.folders = _folders([result.submission for result in results])
        self.keys: dict[str, list[Result]] = defaultdict(list)
        self.scratch = Path(tempfile.mkdtemp(prefix="downstack-grade-"))  # what a killed worker cannot put away
        self.scratch.chmod(0o755)  # for a sandbox that runs programs as another user
        self.reference: Cast | None = None
        self._stack = ExitStack()

    def keep_reference(self) -> None:
        """Have the reference's programs ready, if answers of submissions are compared with what they do."""
        if self.lab.has_reference and any(asks_questions(self.lab, step) for step in self.lab.steps):
            self.reference = self._stack.enter_context(reference_cast(self.lab))

    def start(self, submission: Path, result: Result) -> None:
        news, ours = _SPAWN.Pipe(duplex=False)
        with self._own_reference() as reference:
            work = (ours, self.lab, submission.absolute(), self.terms, self.checks, self.scratch, reference)
            process = _SPAWN.Process(target=_work, args=work)
            process.start()
        ours.close()
        self.workers.append(_Worker(process, news, result))

    @contextmanager
    def _own_reference(self) -> Iterator[Cast | None]:
        """The reference's programs, ready for a worker that is forked meanwhile, and then for it alone."""
        if self.reference is None:
            yield None
            return
        with self.reference.another(self.reference.own) as cast:
            try:
                cast.warm()
            except CastError:
                yield None
            else:
                yield cast

    def listen(self) -> None:
        """Wait for news, or for the next deadline; and act on it."""
        patience = min(worker.began + self.terms.deadline for worker in self.workers) - time.monotonic()
        ready = wait([worker.news for worker in self.workers], timeout=max(0.0, patience))
        for worker in list(self.workers):
            if worker.news in ready:
                self._hear(worker)
            elif time.monotonic() > worker.began + self.terms.deadline:
                reason = f"it took longer than {self.terms.deadline:g} s"
                worker.result.fail(worker.step, reason)
                self._end(worker, reason)

    def _hear(self, worker: _Worker) -> None:
        try:
            message = worker.news.recv()
        except (EOFError, OSError):
            worker.process.join(GRACE)
            code = worker.process.exitcode
            self._end(worker, f"the grader's process for it {sandbox.ending(code if code is not None else -9)}")
            return
        match message:
            case Record():
                worker.result.put(message)
            case {"key": str(key)}:
                self.keys[key].append(worker.result)
            case {"step": str(step)}:
                worker.step = step
                return
            case {"note": str(note)}:
                worker.result.note = note
            case {"over": str(reason)}:
                self._end(worker, reason)
                return
        self.save(worker.result)

    def _end(self, worker: _Worker, reason: str) -> None:
        """This submission is done; `reason` says why what is still open stays open."""
        worker.result.give_up(reason)
        _put_away(worker)
        self.workers.remove(worker)
        self.save(worker.result)
        self.told(worker.result)

    def stop_all(self, reason: str) -> None:
        for worker in list(self.workers):
            _put_away(worker)
        self.workers.clear()
        for result in self.results:
            result.give_up(reason)

    def close(self) -> None:
        """Look at the keys, which only all submissions together tell, and write everything."""
        self._stack.close()
        shutil.rmtree(self.scratch, ignore_errors=True)
        for key, results in self.keys.items():
            _examine_key(key, results)
        self.save_all()
        if self.terms.out is not None:
            write_atomically(self.terms.out / f"{self.lab.folder.name}.csv", as_csv(self.lab, self.results))

    def save_all(self) -> None:
        for result in self.results:
            self.save(result)

    def save(self, result: Result) -> None:
        if self.terms.out is not None:
            place = next(folder for each, folder in zip(self.results, self.folders, strict=True) if each is result)
            result.write(self.terms.out / place)


def _put_away(worker: _Worker) -> None:
    """End a worker and, through it, its programs."""
    worker.news.close()
    if worker.process.is_alive():
        worker.process.terminate()
        worker.process.join(GRACE)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.process.close()


def _folders(names: Iterable[str]) -> list[str]:
    """A folder's name for each submission's result: safe in any file system, none twice."""
    taken: dict[str, int] = defaultdict(int)
    folders = []
    for name in names:
        safe = re.sub(r"[^\w.@ -]", "_", name)[:100].strip(". ") or "submission"
        taken[safe.casefold()] += 1
        folders.append(safe if taken[safe.casefold()] == 1 else f"{safe}~{taken[safe.casefold()]}")
    return folders


def _examine_key(key: str, results: Sequence[Result]) -> None:
    """A key answers for one student: see that nobody answered another's questions.

    A random key must occur once among the submissions. Any other key is a student's name in the course, and must be
    part of the folder's name.
    """
    for result in results:
        others = ", ".join(each.submission for each in results if each is not result)
        if others:
            _withdraw(result, Verdict.INCONCLUSIVE, f"its key, which makes the questions, is also that of {others}")
        elif not key.startswith(RANDOM_KEY) and key.casefold() not in _names_in(result.submission):
            reason = f"answers.toml answers the questions of {plain(key)}, who is not named by this folder"
            _withdraw(result, Verdict.INCONCLUSIVE, reason)


def _names_in(folder: str) -> set[str]:
    """What may be somebody's name in a folder's name: the whole, and what stands between its separators."""
    return {folder.casefold(), *re.split(r"[\s_,;()]+", folder.casefold())}


def _withdraw(result: Result, verdict: Verdict, reason: str) -> None:
    for record in list(result.records.values()):
        if record.kind != Kind.BUILD and record.verdict is Verdict.PASS:
            result.put(replace(record, verdict=verdict, score=0, reason=reason, text=reason))


def as_csv(lab: Lab, results: Iterable[Result]) -> str:
    """One line for each submission; no cell is a formula."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(
        ["submission", "score", "max_score", "graded_here", *(f"step {step.id}" for step in lab.steps), "open", "note"]
    )
    for result in results:
        records = result.records.values()
        unclear = "; ".join(
            f"step {each.step} {each.verdict}: {each.reason}"
            for each in records
            if each.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_RUN)
        )
        numbers = (result.score, lab.points, result.judged, *(each.score for each in records))
        table.writerow([csv_cell(result.submission), *numbers, csv_cell(unclear), csv_cell(result.note)])
    return text.getvalue()


# The worker's side ----------------------------------------------------------------------------------------------------


def _work(
    news: Connection,
    lab: Lab,
    submission: Path,
    terms: Terms,
    checks: Sequence[Check],
    scratch: Path,
    reference: Cast | None,
) -> None:
    """Grade one submission, and send what comes of it. Asked to end, it puts its programs away first."""
    tempfile.tempdir = str(scratch)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for message in _news_of(lab, submission, terms, checks, reference):
            news.send(message)
    except Refused as error:
        news.send({"over": f"refused: {error}"})
    except Exception as error:
        with suppress(OSError):
            news.send({"over": f"the grader could not go on: {type(error).__name__}: {plain(str(error))}"})
    else:
        news.send({"over": "it was not judged"})
    finally:
        news.close()


def _leave(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _news_of(
    lab: Lab, submission: Path, terms: Terms, checks: Sequence[Check], reference: Cast | None
) -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="downstack-submission-") as folder:
        own = Path(folder) / "own"
        if remarks := take_in(submission, own):
            yield {"note": "\n".join(remarks)}
        with suppress(Broken):
            yield {"key": key_of(own)}
        Path(folder).chmod(0o755)
        with Examination(
            lab=lab,
            submission=own,
            level=terms.level,
            key=terms.key,
            on=terms.on,
            checks=checks,
            reference=reference,
        ) as examination:
            for step in lab.steps:
                yield {"step": step.id}
                result = examination.step(step)
                hint = hint_for(lab, result, own, 0)
                yield Record.of(result, narrate.explain(result, lab, own, hint=hint))
