"""`lab pkt`: scripts of what TCP says and when, played on our stack and on Linux's."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from labs.cli.exit import FAILED, INCONCLUSIVE, PASSED, Refusal
from labs.cli.terminal import escape, paint
from labs.pkt import grounds
from labs.pkt.coverage import document
from labs.pkt.grounds import judge
from labs.pkt.runner import Telling
from labs.pkt.script import Script, ScriptError
from labs.pkt.telling import divergence, everything
from labs.testbed import enclave

SUMMARY = "play scripts of TCP segments on our stack, and on Linux's"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="PATH", help="scripts, or folders of them (default: labs/pkt/rfc)"
    )
    parser.add_argument("--on", choices=("netstack", "linux", "both"), default="netstack")
    parser.add_argument("--strict", action="store_true", help="every segment must be cut as the script cuts it")
    parser.add_argument("--coverage", action="store_true", help="play nothing; list them by clause, as Markdown")
    parser.add_argument("-v", "--verbose", action="store_true", help="every event of every script")


def run(args: argparse.Namespace) -> int:
    """Play, tell what diverged, and sum up."""
    chosen = _read(args.files)
    if args.coverage:
        print(document(chosen), end="")
        return PASSED
    if args.on != "netstack" and (reason := enclave.available()) is not None:
        raise Refusal(f"Linux's TCP cannot be had here: {reason}", cure="./lab doctor", code=INCONCLUSIVE)
    columns: list[Sequence[Telling]] = []
    if args.on != "linux":
        columns.append([grounds.on_netstack(script, strict=args.strict) for script in chosen])
    if args.on != "netstack":
        columns.append(grounds.on_linux(chosen, strict=args.strict))
    return _report(chosen, columns, verbose=args.verbose)


def _read(files: Sequence[Path]) -> list[Script]:
    scripts = []
    for path in _files(files or [grounds.RFC]):
        try:
            scripts += grounds.scripts([path])
        except ScriptError as error:
            raise Refusal(f"{escape(str(path))}: {escape(str(error))}", cure="docs/pkt.md tells the language") from None
        except (OSError, UnicodeDecodeError) as error:
            raise Refusal(f"{escape(str(path))} cannot be read: {error}", cure="name a script that is there") from None
    return scripts


def _files(paths: Sequence[Path]) -> list[Path]:
    """The scripts that were named, and those that lie in a folder that was named."""
    found = []
    for path in paths:
        within = sorted(path.glob("*.pkt")) if path.is_dir() else [path]
        if not within or not path.exists():
            lack = f"there is no script in {escape(str(path))}" if path.exists() else f"there is no {escape(str(path))}"
            raise Refusal(lack, cure="name a script, or a folder of them (*.pkt)")
        found += within
    return found


def _report(scripts: Sequence[Script], columns: Sequence[Sequence[Telling]], *, verbose: bool) -> int:
    failed = 0
    width = max((len(script.name) for script in scripts), default=0)
    for number, script in enumerate(scripts):
        verdicts = []
        for telling in (column[number] for column in columns):
            verdict = judge(script, telling)
            failed += not verdict.passed
            word = "passed" if not telling.complaint else "differs" if verdict.passed else "FAILED"
            colour = {"passed": "green", "differs": "yellow", "FAILED": "red"}[word]
            verdicts.append(f"{telling.ground} {paint(f'{word:<8}', colour)}")
            if verbose:
                print(everything(telling))
            if not verdict.passed:
                print(divergence(script, telling) if telling.complaint else f"{script.name}.pkt: {verdict.says}")
        print(f"{script.name:<{width}}  {'  '.join(verdicts)}".rstrip())
    played = len(scripts) * len(columns)
    print(paint(f"{played - failed} of {played} plays went as their scripts say", "bold", "red" if failed else "green"))
    return FAILED if failed else PASSED
