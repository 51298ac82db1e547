"""`lab lecture`: the lectures, in JupyterLab."""

import argparse
import subprocess
import sys

from labs.cli.chosen import refusing
from labs.cli.exit import FAILED, PASSED
from labs.cli.groups import ROOT, require_group
from labs.course import open_course

SUMMARY = "open the lectures in JupyterLab (installed when first asked for)"
PASSES_ON = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command; those it does not know are JupyterLab's."""
    parser.usage = "./lab lecture [arguments of jupyter lab, such as 01_wire.ipynb or --no-browser]"


def run(args: argparse.Namespace) -> int:
    """Start JupyterLab in the folder of the lectures, and stay until it ends."""
    with refusing():
        open_course().need_answers("a lecture")
    require_group("notebooks")
    require_group("mesh")
    ended = subprocess.run([sys.executable, "-m", "jupyter", "lab", *args.rest], cwd=ROOT / "notebooks", check=False)
    return PASSED if ended.returncode == 0 else FAILED
