"""What a check would have said after the expectation that broke, read from its source."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable

from labs.testbed.judge import Outcome


def not_reached(function: Callable[..., object], outcome: Outcome) -> list[str]:
    """The sentences of a check that its story does not have."""
    identities = {each.identity for each in outcome.story}
    return [
        text
        for identity, text in expectations(function)
        if identity not in identities and not any(_stands_for(text, each.text) for each in outcome.story)
    ]


def _stands_for(written: str, told: str) -> bool:
    """Whether a sentence as the source has it, `…` for what is only known at run time, may be the one that was told."""
    return re.fullmatch(".*".join(map(re.escape, written.split("…"))), told, re.DOTALL) is not None


def expectations(function: Callable[..., object]) -> list[tuple[str, str]]:
    """The (identity, sentence) of each `judge.expect` and `judge.bites` in a check's source, where it is literal."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        return []
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    return [said for call in calls if (said := _said(call)) is not None]


def _said(call: ast.Call) -> tuple[str, str] | None:
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr == "expect" and len(call.args) >= 3:
        return _literal(call.args[0]), _literal(call.args[2])
    if call.func.attr == "bites" and call.args:
        return "bites it", _literal(call.args[0])
    return None


def _literal(node: ast.expr) -> str:
    """The text that an expression stands for; what is only known at run time is shown as `…`."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values):
            return "".join(_literal(value) for value in values)
    return "…"
