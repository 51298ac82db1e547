"""What the documents say about the code is true, and fresh."""

import ast
import importlib
from functools import reduce

import pytest

from netstack.tcp.states import State
from tests.netstack.tcp import conformance


def test_every_function_named_is_there() -> None:
    for _, (clause, _, function, _) in conformance.MET:
        parts = function.split(".")
        count = next(n for n in (2, 1) if is_module(parts[:n]))
        module = importlib.import_module(".".join(["netstack", *parts[:count]]))
        assert reduce(getattr, parts[count:], module), clause


def is_module(parts: list[str]) -> bool:
    path = conformance.ROOT.joinpath("netstack", *parts)
    return path.with_suffix(".py").is_file()


def test_every_test_named_is_there() -> None:
    here = conformance.ROOT / "tests" / "netstack" / "tcp"
    for _, (clause, _, _, test) in conformance.MET:
        file, _, name = test.rpartition(".")
        tree = ast.parse((here / f"{file}.py").read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in names, f"{clause} names {test}"


def test_every_rfc_has_a_title_and_a_clause() -> None:
    assert {rfc for rfc, _ in conformance.MET} == set(conformance.TITLES)


def test_the_table_is_fresh() -> None:
    assert conformance.RFC.read_text(encoding="utf-8") == conformance.document(), (
        "run python -m tests.netstack.tcp.conformance"
    )


def test_the_diagram_is_fresh() -> None:
    text = conformance.TCP.read_text(encoding="utf-8")
    assert conformance.with_diagram(text) == text, "run python -m tests.netstack.tcp.conformance"
    assert all(f"{state.name}: {state}" in text for state in State)


@pytest.mark.parametrize("path", [conformance.TCP, conformance.RFC], ids=lambda path: path.name)
def test_the_documents_name_only_modules_that_exist(path) -> None:  # type: ignore[no-untyped-def]
    folder = conformance.ROOT / "netstack" / "tcp"
    named = {word for word in path.read_text(encoding="utf-8").split("`") if word.endswith(".py") and "/" not in word}
    assert all((folder / name).is_file() for name in named), named
