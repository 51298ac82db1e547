"""Which clauses the scripts are about: a table from their names and headers, which `docs/pkt-scripts.md` keeps."""

import re
from collections.abc import Sequence

from labs.pkt.script import Script

_HEAD = """\
# The scripts, by clause

Made by `./lab pkt --coverage`; `./lab pkt --on both` plays them all. [pkt.md](pkt.md) tells the language. There are
{count}, about {clauses} clauses of {documents} RFCs; {same} of them go the same way on our stack and on Linux's.

| Clause | Script | What it shows | Linux |
| --- | --- | --- | --- |
"""


def document(scripts: Sequence[Script]) -> str:
    """The whole page."""
    ordered = sorted(scripts, key=lambda script: (_numbers(script.clause), script.name))
    clauses = {script.clause for script in scripts}
    head = _HEAD.format(
        count=len(scripts),
        clauses=len(clauses),
        documents=len({clause.partition(" (")[0] for clause in clauses}),
        same=sum(not script.differs for script in scripts),
    )
    return head + "".join(map(_row, ordered))


def _numbers(clause: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", clause)]


def _row(script: Script) -> str:
    link = f"[{script.name}](../labs/pkt/rfc/{script.name}.pkt)"
    return f"| {script.clause} | {link} | {script.about} | {script.differs or 'the same'} |\n"
