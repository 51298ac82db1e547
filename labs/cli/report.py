"""`lab report`: the last report of a lab."""

import argparse
import webbrowser

from labs.cli.chosen import add_lab, chosen_lab
from labs.cli.exit import PASSED, Refusal
from labs.grading.reports import report_path

SUMMARY = "tell where the last report lies, or open it"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_lab(parser)
    parser.add_argument("--open", action="store_true", help="open it in a browser")


def run(args: argparse.Namespace) -> int:
    """Print the path of the report, and open it if asked."""
    _, lab = chosen_lab(args.lab)
    path = report_path(lab)
    if not path.is_file():
        raise Refusal(
            f"lab {lab.number} has no report yet", cure=f"./lab check {lab.number}, or ./lab run {lab.number}"
        )
    print(path)
    if args.open and not webbrowser.open(path.as_uri()):
        raise Refusal("no browser could be started", cure=f"open {path} in one")
    return PASSED
