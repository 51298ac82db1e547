"""Which files of our packages import which: so what gives away an answer is known, and can be kept from a student."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

import labs

CHECKOUT = Path(labs.__file__).resolve().parent.parent
PACKAGES = ("netstack", "mesh")


def hidden_closure(reference: Sequence[str]) -> tuple[str, ...]:
    """The files of our packages that give away `reference`: these, and all that import them, directly or not.

    A reference that lies elsewhere is not among them: nothing but our packages is laid before a program.
    """
    imports = {path.relative_to(CHECKOUT).as_posix(): imported_modules(path) for path in _sources()}
    hidden = set(reference) & imports.keys()
    while grown := {
        file for file, names in imports.items() if file not in hidden and names & set(map(module_name, hidden))
    }:
        hidden |= grown
    return tuple(sorted(hidden))


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((CHECKOUT / package).rglob("*.py"))


def module_name(file: str) -> str:
    """`netstack/link/tap.py` is the module `netstack.link.tap`."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported_modules(path: Path) -> set[str]:
    """Every dotted name that the file `path` imports; `from a import b` gives `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names
