"""A telling on the terminal: script, what happened, and the connection's state, side by side."""

from collections.abc import Iterable, Sequence

from labs.pkt.runner import Row, Telling
from labs.pkt.script import Script

CONTEXT = 6
"""So many events are shown, the last of them the one that went wrong."""
WIDEST = 64


def divergence(script: Script, telling: Telling) -> str:
    """Why a script failed, and the last events before."""
    head = f"{script.name}.pkt, line {telling.line}, on {telling.ground}: {telling.complaint}"
    return "\n".join([head, *beside(telling.rows[-CONTEXT:], culprit=True)])


def everything(telling: Telling) -> str:
    """All events of a script that was played."""
    return "\n".join(beside(telling.rows, culprit=bool(telling.complaint)))


def beside(rows: Sequence[Row], *, culprit: bool) -> Iterable[str]:
    """Rows as a table; the last one is marked if it is the `culprit`."""
    table = [("line", "script", "actual", "state")]
    table += [(str(row.line), _short(row.script), _short(row.actual), row.state) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for number, cells in enumerate(table):
        mark = ">" if culprit and number == len(table) - 1 else " "
        line, *others = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield f"{mark} {line.strip():>{widths[0]}}  {' | '.join(others)}".rstrip()


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."
