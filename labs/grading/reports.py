"""Where reports lie, and what goes into one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from labs import workspace
from labs.course import Lab
from labs.grading.checks import import_part
from labs.grading.examination import CheckResult
from labs.story import report
from labs.story.dissect import Fields
from labs.testbed.capture import write_pcapng
from labs.testbed.shrink import Shrunk
from labs.testbed.sim import Played


def report_path(lab: Lab) -> Path:
    """The last report of `lab`, in the student's home folder, outside the folder of their work."""
    return workspace.home() / ".downstack" / "reports" / lab.folder.name.partition("_")[0] / "report.html"


def write(
    lab: Lab, results: Sequence[CheckResult], *, hint: str = "", replay: str = "", shrunk: Shrunk | None = None
) -> Path:
    """Write the report of these checks; see `chapters_of`. Returns where it lies."""
    return write_chapters(lab, chapters_of(results, hint=hint, replay=replay, shrunk=shrunk))


def chapters_of(
    results: Sequence[CheckResult], *, hint: str = "", replay: str = "", shrunk: Shrunk | None = None
) -> list[report.Chapter]:
    """A chapter for each check that was judged; what else is given belongs to the last of them."""
    last = results[-1] if results else None
    return [
        report.Chapter(
            title=each.check.sentence,
            step=each.check.step,
            outcome=each.outcome,
            hint=hint if each is last else "",
            replay=replay if each is last else "",
            shrunk=shrunk if each is last else None,
        )
        for each in results
        if each.outcome is not None
    ]


def write_chapters(lab: Lab, chapters: Sequence[report.Chapter]) -> Path:
    """Write the report that consists of `chapters`, and captures beside it. Returns where it lies."""
    path = report_path(lab)
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob("*.pcapng"):
        old.unlink()
    captured = [_capture(path.parent, number, chapter) for number, chapter in enumerate(chapters, 1)]
    return report.write_report(path, title=f"Lab {lab.number}: {lab.title}", chapters=captured, fields=fields_of(lab))


def _capture(folder: Path, number: int, chapter: report.Chapter) -> report.Chapter:
    """Write the frames of the chapter's last play, if it has any, for Wireshark; each carries its fate as a comment."""
    traces = [played.trace for played in chapter.plays if any(played.trace.frames())]
    if not traces:
        return chapter
    path = folder / f"capture-{number}.pcapng"
    write_pcapng(path, traces[-1], step=chapter.step)
    return replace(chapter, captures=(path,))


def write_run(lab: Lab, played: Played) -> Path:
    """Write the report of a scene that was only played, and its trace beside it. Returns where the report lies."""
    chapter = report.Chapter(title=f"{played.trace.scene} on {played.trace.testbed}", played=[played])
    path = write_chapters(lab, [chapter])
    played.trace.write(path.with_name("trace.jsonl"))
    return path


def fields_of(lab: Lab) -> Fields | None:
    """How the lab takes a frame apart, if it says so."""
    if not (lab.folder / "kinds.py").is_file():
        return None
    found: Fields | None = getattr(import_part(lab, "kinds"), "fields", None)
    return found
