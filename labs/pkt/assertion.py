"""`%{ assert state == "ESTABLISHED" }%`: claims about a connection, in a small and harmless part of Python.

Python's own parser reads them; only comparisons, arithmetic on numbers, `and`, `or`, `not`, `in`, and names of what a
ground can tell (`TOLD`) get through. Nothing is called, no attribute is read, nothing can grow.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TOLD = {
    "state": "the connection's state, as RFC 9293 names it; CLOSED when there is none",
    "cwnd": "the congestion window, in segments",
    "ssthresh": "the slow start threshold, in segments",
    "in_flight": "segments sent and not acknowledged",
    "rto": "the retransmission timeout, in seconds",
    "srtt": "the smoothed round-trip time, in seconds",
}

Value = int | float | str

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class AssertionFault(Exception):
    """A text that is no such claim, or one that cannot be judged; says why."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """Claims, one a statement: each an expression."""

    claims: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Assertion":
        """Raises `AssertionFault`."""
        try:
            body = ast.parse(text.strip()).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise AssertionFault(f"this is not Python: {error}") from None
        claims = []
        for statement in body:
            if not isinstance(statement, ast.Assert):
                raise AssertionFault("only `assert` can be said here")
            _check(statement.test)
            claims.append(ast.unparse(statement.test))
        if not claims:
            raise AssertionFault("nothing is asserted")
        return cls(tuple(claims))

    @property
    def names(self) -> set[str]:
        """What is asked about."""
        trees = (ast.parse(claim, mode="eval") for claim in self.claims)
        return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}

    def failing(self, told: Mapping[str, Value]) -> str:
        """The first claim that does not hold of `told`, or "". Raises `AssertionFault` for one that makes no sense."""
        for claim in self.claims:
            try:
                if not _evaluate(ast.parse(claim, mode="eval").body, told):
                    return claim
            except KeyError as missing:
                raise AssertionFault(f"this ground cannot tell {missing.args[0]}") from None
            except (TypeError, ArithmeticError) as error:
                raise AssertionFault(f"{claim}: {error}") from None
        return ""


def _check(node: ast.expr) -> None:
    match node:
        case ast.Constant(value=int() | float() | str()):
            return
        case ast.Name(id=name) if name in TOLD:
            return
        case ast.Name(id=name):
            raise AssertionFault(f"there is no {name}; there are {', '.join(TOLD)}")
        case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            pass
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            parts = [operand]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            parts = [left, right]
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARISONS for op in ops):
            parts = [left, *others]
        case _:
            raise AssertionFault(f"`{ast.unparse(node)}` is more than can be said here")
    for part in parts:
        _check(part)


def _evaluate(node: ast.expr, told: Mapping[str, Value]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return told[name]
        case ast.BoolOp(op=op, values=values):
            fold = all if isinstance(op, ast.And) else any
            return fold(_evaluate(value, told) for value in values)
        case ast.UnaryOp(op=op, operand=operand):
            value = _evaluate(operand, told)
            return not value if isinstance(op, ast.Not) else -value
        case ast.BinOp(left=left, op=operation, right=right):
            one, other = _evaluate(left, told), _evaluate(right, told)
            if isinstance(one, str) or isinstance(other, str):
                raise TypeError("text cannot be calculated with")
            return _ARITHMETIC[type(operation)](one, other)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            values = [_evaluate(each, told) for each in (left, *comparators)]
            pairs = zip(ops, values, values[1:], strict=False)
            return all(_COMPARISONS[type(op)](one, other) for op, one, other in pairs)
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return [_evaluate(each, told) for each in elements]
    raise AssertionError(ast.dump(node))
