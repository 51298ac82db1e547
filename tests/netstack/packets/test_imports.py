"""The codec is needed everywhere, so it needs nothing itself: the standard library, and no scapy by any detour."""

import ast
import sys
from pathlib import Path

import pytest

import netstack.packets

MODULES = sorted(Path(netstack.packets.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_a_header_imports_the_standard_library_and_its_neighbours(module: Path) -> None:
    imported = [
        name
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    ]
    for name in imported:
        assert name.startswith("netstack.packets.") or name.split(".")[0] in sys.stdlib_module_names, name
