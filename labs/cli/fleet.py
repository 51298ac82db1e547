"""`lab fleet`: twelve services that share a library, and what the library costs."""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labs.cli.exit import FAILED, PASSED, Refusal
from labs.cli.groups import require_group
from labs.cli.terminal import escape, paint, progress

SUMMARY = "twelve services that share a library: its three prices, measured"

LEAST, MOST = 4, 12


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("services", nargs="?", type=_number, default=MOST, help="how many (4 to 12; %(default)s)")
    parser.add_argument("--bridge", action="store_true", help="upgrade by a release that speaks to both, in two rounds")
    parser.add_argument("--on", choices=("processes", "sim"), default="processes", help="(default: %(default)s)")
    parser.add_argument("--rate", type=float, default=24.0, help="questions a second, in all (%(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="on sim, what chance depends on (%(default)s)")
    parser.add_argument("--json", action="store_true", help="data instead of a table (docs/fleet.md)")
    parser.add_argument("--keep", action="store_true", help="keep the edited sources and the logs, and say where")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not LEAST <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {LEAST} to {MOST}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Lay out, start, upgrade, trouble; then print."""
    if not 0.1 <= args.rate <= 200:
        raise Refusal(f"{args.rate:g} questions a second are not sensible", cure="between 0.1 and 200")
    require_group("mesh")
    # Not at the top: they need the group
    from labs.fleet import measuring, telling
    from labs.fleet.catalogue import SERVICES
    from labs.fleet.prices import ByLibrary
    from labs.fleet.running import FleetError

    kinds = SERVICES[: args.services]
    upgrade = ByLibrary([kind.name for kind in kinds], bridge=args.bridge)
    total = measuring.steps(kinds, upgrade)
    behind: list[str] = []

    def done(what: str) -> None:
        behind.append(what)
        progress("the fleet", len(behind), total)

    with _folder(keep=args.keep) as folder, _refusing(FleetError):
        try:
            if args.on == "sim":
                measured = measuring.in_virtual_time(folder, kinds, upgrade, rate=args.rate, seed=args.seed, done=done)
            else:
                measured = measuring.on_processes(folder, kinds, upgrade, rate=args.rate, done=done)
        finally:
            progress("the fleet", total, total)
    if args.json:
        print(json.dumps(telling.as_json(measured), indent=2, ensure_ascii=False))
    else:
        print(*_painted(telling.table(measured)), sep="\n")
        if args.keep:
            print(f"\nThe sources as they are now, and the logs: {folder}")
    return PASSED


def _painted(lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield paint(line, "bold") if number == 0 or line[:2] in {"1.", "2.", "3."} else line


@contextmanager
def _refusing(known: type[Exception]) -> Iterator[None]:
    """What comes out of nurseries in groups: an interruption goes on as such, a `known` failure becomes a refusal."""
    try:
        yield
    except BaseExceptionGroup as group:
        leaves = list(_leaves(group))
        if any(isinstance(leaf, KeyboardInterrupt) for leaf in leaves):
            raise KeyboardInterrupt from None
        for leaf in leaves:
            if isinstance(leaf, known):
                raise Refusal(
                    escape(str(leaf)), cure="once more with --keep, and look at its log", code=FAILED
                ) from None
        raise


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for inner in group.exceptions:
        if isinstance(inner, BaseExceptionGroup):
            yield from _leaves(inner)
        else:
            yield inner


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    if keep:
        yield Path(tempfile.mkdtemp(prefix="downstack-fleet-"))
        return
    with tempfile.TemporaryDirectory(prefix="downstack-fleet-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
