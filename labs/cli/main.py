"""The `lab` command: finds the command that was asked for, and turns refusals into messages.

A command is a module of this folder that has a line `SUMMARY = "..."`, a `configure(parser)` and a `run(args)`; its
name is the module's, with `_` at the end dropped and `_` inside turned to `-` (`list_.py` is `lab list`). The summaries
are read from the sources, for importing every command would cost more than the half second that a start may take.
A module with `PASSES_ON = True` gets the arguments that its parser does not know as `args.rest`.
"""

import argparse
import difflib
import errno
import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import labs
from labs.cli.exit import FAILED, INTERRUPTED, PASSED, PIPE_CLOSED, USAGE, Refusal
from labs.cli.terminal import escape, paint

SECTIONS = {
    "first": ("demo", "doctor", "list", "lecture", "generations"),
    "do a lab": (
        "start",
        "run",
        "check",
        "questions",
        "replay",
        "explore",
        "report",
        "shell",
        "ledger",
        "needs",
        "fleet",
    ),
    "grade": ("grade", "prove", "release"),
    "work on the course": ("test", "bench", "pkt", "new-lab", "clean"),
}
BY_THE_SCRIPT = {"clean": "remove .venv and the caches that lab made; your work stays"}

_SUMMARY = re.compile(r'^SUMMARY = "(.+)"$', re.MULTILINE)
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class Parser(argparse.ArgumentParser):
    """argparse, with this command's exit code for wrong usage and no guessing at shortened options."""

    def __init__(self, *args: object, **options: object) -> None:
        options.setdefault("allow_abbrev", False)
        super().__init__(*args, **options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Say what was wrong with the arguments, and leave with `USAGE`."""
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {escape(message)}", file=sys.stderr)
        raise SystemExit(USAGE)


def commands() -> dict[str, str]:
    """Every command there is, with its summary, in the order of `SECTIONS`, then by name."""
    found = dict(BY_THE_SCRIPT)
    for path in Path(__file__).parent.glob("*.py"):
        if summary := _SUMMARY.search(path.read_text(encoding="utf-8")):
            found[path.stem.rstrip("_").replace("_", "-")] = summary[1]
    order = {name: index for index, name in enumerate(name for names in SECTIONS.values() for name in names)}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], len(order)), item[0])))


def overview() -> str:
    """What `lab` and `lab --help` print."""
    known = commands()
    lines = ["usage: ./lab COMMAND [...]      ./lab COMMAND --help tells more", ""]
    sections = dict(SECTIONS)
    if others := tuple(name for name in known if not any(name in names for names in sections.values())):
        sections["more"] = others
    for title, names in sections.items():
        if present := [name for name in names if name in known]:
            lines += [paint(title, "bold"), *(f"  {name:<9} {known[name]}" for name in present), ""]
    lines.append("exit codes: 0 passed, 1 failed, 2 inconclusive or not run, 64 wrong usage")
    return "\n".join(lines)


def _refuse_unknown(name: str, known: Sequence[str]) -> NoReturn:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    cure = f"did you mean {' or '.join(near)}?" if near else "./lab --help lists the commands"
    raise Refusal(f"there is no command '{escape(name, limit=60)}'", cure=cure)


def _dispatch(arguments: Sequence[str]) -> int:
    name, rest = arguments[0], list(arguments[1:])
    if name in {"help", "--help", "-h"}:
        if not rest:
            print(overview())
            return PASSED
        name, rest = rest[0], ["--help"]
    if name in {"--version", "-V"}:
        print(f"downstack {labs.__version__} (Python {'.'.join(map(str, sys.version_info[:3]))})")
        return PASSED
    known = commands()
    if name not in known:
        _refuse_unknown(name, list(known))
    if name in BY_THE_SCRIPT:
        if rest in (["--help"], ["-h"]):
            print(f"usage: ./lab {name}\n\n{known[name]}")
            return PASSED
        raise Refusal(f"'{name}' is done by the script ./lab itself", cure=f"type ./lab {name} in the course's folder")
    return _run(name, rest)


def _run(name: str, arguments: list[str]) -> int:
    path = Path(__file__).parent
    module_name = name.replace("-", "_")
    if not (path / f"{module_name}.py").exists():
        module_name += "_"
    module = importlib.import_module(f"labs.cli.{module_name}")
    parser = Parser(prog=f"./lab {name}", description=module.SUMMARY)
    module.configure(parser)
    if getattr(module, "PASSES_ON", False):
        parsed, rest = parser.parse_known_args(arguments)
        parsed.rest = rest
    else:
        parsed = parser.parse_args(arguments)
    code: int = module.run(parsed)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. `argv` leaves out the program's name."""
    arguments = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")  # an old encoding garbles a sign, it does not end the command
    try:
        if not arguments:
            print(overview())
            return PASSED
        code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except Refusal as refusal:
        print(f"lab: {refusal.message}", file=sys.stderr)
        if refusal.cure:
            print(f"     {refusal.cure}", file=sys.stderr)
        return refusal.code
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `lab list | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        print(f"lab: the disk is full: {error.filename or error.strerror}", file=sys.stderr)
        print("     make room and run the same command again", file=sys.stderr)
        return FAILED
