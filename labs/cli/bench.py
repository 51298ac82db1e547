"""`lab bench`: ours beside its peers, as ratios taken in one run."""

import argparse
import dataclasses
import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from labs.cli.exit import FAILED, PASSED, Refusal
from labs.cli.groups import ROOT, require_group
from labs.cli.terminal import paint

if TYPE_CHECKING:
    from bench.rows import Row

SUMMARY = "measure ours beside its peers: ratios, goals, met or not"

_HEADINGS = ("what", "ours", "peer", "", "unit", "ratio", "goal", "met")


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("name", choices=names(), help="what to measure")
    parser.add_argument("--quick", action="store_true", help="under 40 s, with more noise")
    parser.add_argument("--json", action="store_true", help="a list of rows instead of a table")


def names() -> list[str]:
    """The benchmarks that this checkout has."""
    return sorted(path.stem for path in Path(ROOT, "bench").glob("*.py") if path.stem not in {"__init__", "rows"})


def run(args: argparse.Namespace) -> int:
    """Measure and print; fails when a goal is missed, not when a peer is missing."""
    if not names():
        raise Refusal("no benchmarks here", cure="run ./lab in a clone of the course")
    require_group("bench")
    rows: list[Row] = list(importlib.import_module(f"bench.{args.name}").rows(args.quick))
    if args.json:
        print(json.dumps([as_json(row) for row in rows], indent=2))
    else:
        print(table(rows))
    return FAILED if any(row.met is False for row in rows) else PASSED


def as_json(row: "Row") -> dict[str, object]:
    """The documented form of a row: its fields, its ratio, and whether the goal is met."""
    return dataclasses.asdict(row) | {"ratio": row.ratio, "met": row.met}


def table(rows: "list[Row]") -> str:
    """The rows in columns, each note under its row."""
    lines = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    shown = []
    for line, row in zip(lines, [None, *rows], strict=True):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        shown.append(paint(text, *_colour(row)))
        if row and row.note:
            shown.append(f"    {row.note}")
    return "\n".join(shown)


def _colour(row: "Row | None") -> tuple[str, ...]:
    if row is None:
        return ("bold",)
    return {True: ("green",), False: ("red",), None: ()}[row.met]


def _cells(row: "Row") -> tuple[str, ...]:
    bound = "" if row.goal is None else f"{'<=' if row.smaller_is_better else '>='} {row.goal:g}"
    met = {True: "yes", False: "NO", None: ""}[row.met]
    peer = _number(row.peer) if row.peer is not None or not row.peer_name else "missing"
    return (row.what, _number(row.ours), peer, row.peer_name, row.unit, _number(row.ratio), bound, met)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
