"""`lab generations`: the same faults on each generation of networking, and who absorbed which."""

import argparse
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from labs.cli.chosen import refusing, seed
from labs.cli.exit import FAILED, PASSED, Refusal
from labs.cli.groups import require_group
from labs.cli.terminal import escape, progress, width
from labs.course import Course, open_course
from labs.generations import faults, page, words
from labs.generations.known import KNOWN, Generation, lines_inside
from labs.generations.outcome import Got
from labs.generations.replay import Cell, Column, Comparison, ReplayError, compare
from labs.story.ledger import LedgerError
from labs.testbed.cast import CastError
from labs.workspace import folder_of
from netstack.wire import SECOND

SUMMARY = "the same faults on each generation of networking: who absorbs what"

SCRIPTS = Path(faults.__file__).parent / "scripts"
DEFAULT = "default"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "--faults",
        default=DEFAULT,
        metavar="FILE",
        help=f"a script of faults, or one of ours: {', '.join(shipped())} (default: {DEFAULT})",
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=[generation.name for generation in KNOWN],
        metavar="NAME",
        help=f"only this generation; may be repeated: {', '.join(generation.name for generation in KNOWN)}",
    )
    parser.add_argument("--mine", action="store_true", help="your own programs, of the labs that you have done")
    parser.add_argument("--seed", type=seed, default=1, metavar="HEX", help="what chance depends on (default: 1)")
    parser.add_argument("--report", "--html", type=Path, metavar="PATH", help="write a page with the picture there")
    parser.add_argument("--json", action="store_true", help="what was counted, instead of a table")


def shipped() -> list[str]:
    """The scripts that come with the course."""
    return sorted(path.stem for path in SCRIPTS.glob("*.txt"))


def run(args: argparse.Namespace) -> int:
    """Play, and print the table, the picture and the sum."""
    if args.report is not None and not args.report.absolute().parent.is_dir():
        raise Refusal(
            f"there is no folder {escape(str(args.report.parent))} to write a report to",
            cure="name a file in a folder that is there: --report generations.html",
        )
    chosen = [generation for generation in KNOWN if args.only is None or generation.name in args.only]
    try:
        with refusing():
            course = open_course()
            if args.mine:
                _need_begun(course, chosen)
            else:
                course.need_answers("without --mine, lab generations")
            script = faults.read(_script(args.faults))
            for group in {group for generation in chosen for group in generation.lacks}:
                require_group(group)
            comparison = compare(course, script, seed=args.seed, generations=chosen, mine=args.mine, progress=_progress)
        inside = {generation.name: lines_inside(course, generation, mine=args.mine) for generation in chosen}
    except faults.FaultsError as error:
        raise Refusal(escape(str(error)), cure="docs/generations.md tells how a script is written") from None
    except (CastError, LedgerError) as error:
        raise Refusal(escape(str(error)), cure="./lab doctor tells what this machine lacks") from None
    except ReplayError as error:
        cure = "./lab check tells what is wrong with yours" if args.mine else "./lab test tells what is wrong with ours"
        raise Refusal(escape(str(error)), cure=cure, code=FAILED) from None
    if args.json:
        print(json.dumps(as_json(comparison, inside), indent=2))
    else:
        print("\n".join(words.whole(comparison, inside, columns=width())))
    if args.report is not None:
        _write(args, comparison, inside)
    return PASSED


def _script(wanted: str) -> Path:
    """The script of this name that comes with the course, else the file of this name."""
    return SCRIPTS / f"{wanted}.txt" if wanted in shipped() else Path(wanted)


def _need_begun(course: Course, chosen: Sequence[Generation]) -> None:
    """Raise `Refusal` where the student has not begun a lab whose programs are to be played."""
    for lab in (course.lab(generation.lab) for generation in chosen if generation.lab):
        if not folder_of(lab).is_dir():
            raise Refusal(f"you have not started lab {lab.number}", cure=f"./lab start {lab.number}, or --only others")


def _progress(done: int, total: int) -> None:
    progress("playing", done, total)


def _write(args: argparse.Namespace, comparison: Comparison, inside: Mapping[str, int | None]) -> None:
    options = [f"--faults {shlex.quote(args.faults)}", *(f"--only {name}" for name in args.only or ())]
    options += ["--mine"] if args.mine else []
    command = " ".join(["./lab generations", *options, f"--seed {args.seed:x}"])
    try:
        written = page.write(args.report, comparison, inside, command=command)
    except OSError as error:
        raise Refusal(
            f"the report cannot be written to {escape(str(args.report))}: {error.strerror}",
            cure="name another file: --report generations.html",
        ) from None
    if not args.json:
        print(f"\nreport: {written}")


def as_json(comparison: Comparison, inside: Mapping[str, int | None]) -> dict[str, object]:
    """What docs/json.md describes: each fault on each generation, and the day with all of them."""
    return {
        "seed": f"{comparison.seed:x}",
        "faults": [str(fault) for fault in comparison.faults],
        "generations": [_column(column, inside[column.generation.name]) for column in comparison.columns],
    }


def _column(column: Column, inside: int | None) -> dict[str, object]:
    generation: Generation = column.generation
    return {
        "generation": generation.name,
        "lines_inside": inside,
        "alone": [_cell(cell) for cell in column.cells],
        "together": {**_cell(column.together), "frames": column.bill.frames, "bytes": column.bill.bytes},
        "without": {"frames": column.bill_without.frames, "bytes": column.bill_without.bytes},
    }


def _cell(cell: Cell) -> dict[str, object]:
    got = cell.outcome
    return {
        "told": words.told(cell),
        "hit": cell.is_met,
        "absorbed_by": cell.absorber.name if cell.absorber else None,
        "reached_people": cell.reached_people,
        "acted": {means.name: count for means, count in cell.acted.items()},
        "answered": got.count(Got.RIGHT),
        "late": len(cell.late),
        "wrong": got.count(Got.WRONG),
        "put_off": got.count(Got.SORRY),
        "unanswered": got.count(Got.SILENCE),
        "too_many": got.surplus,
        "p50_s": got.middle / SECOND,
        "max_s": got.longest / SECOND,
    }
