"""`lab release`: a student's edition of the course."""

import argparse
from pathlib import Path

from labs.cli.chosen import refusing
from labs.cli.exit import PASSED
from labs.course import open_course
from labs.grading.edition import release

SUMMARY = "make a student's edition: a copy without the answers"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="a new folder")


def run(args: argparse.Namespace) -> int:
    """Make it, and say what was left out."""
    with refusing():
        released = release(open_course(), args.folder)
    for file in released.left_out:
        if not file.startswith(("tests/", "bench/")):
            print(f"left out: {file}")
    for file in released.sealed:
        print(f"sealed, for checks or later labs use it: {file}")
    print(f"a student's edition is in {args.folder}; tests and benchmarks are left out too")
    return PASSED
