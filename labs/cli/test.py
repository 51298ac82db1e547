"""`lab test`: the project's own tests."""

import argparse
import subprocess
import sys

from labs.cli.exit import FAILED, INTERRUPTED, PASSED, USAGE, Refusal
from labs.cli.groups import ROOT, require_group

SUMMARY = "run the project's tests"
PASSES_ON = True

_ENDINGS = {0: PASSED, 2: INTERRUPTED, 4: USAGE}  # pytest's exit codes; any other is a failure


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command; those it does not know are pytest's."""
    parser.add_argument("--all", action="store_true", help="the slow tests too (first starts, whole labs, notebooks)")
    parser.usage = "./lab test [--all] [arguments of pytest]"


def run(args: argparse.Namespace) -> int:
    """Run pytest in the checkout; its own closing line is the last thing printed."""
    if not (ROOT / "tests").is_dir():
        raise Refusal("the tests are not in this student's edition", cure="./lab check judges what you hand in")
    require_group("dev", ask=False)
    if args.all:
        require_group("notebooks", ask=False)
        require_group("bench", ask=False)  # some of whose peers talk to ours
    chosen = [] if args.all else ["-m", "not slow"]
    command = [sys.executable, "-m", "pytest", *chosen, *args.rest]
    ended = subprocess.run(command, cwd=ROOT, check=False)
    return _ENDINGS.get(ended.returncode, FAILED)
