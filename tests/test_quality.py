"""The rules that the code keeps, each held by a tool: format, lint, types, and who may import whom."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent

# The shells of netstack: trio, sockets and clocks are theirs alone. Every other module of it is pure core.
SHELLS = ("netstack/link/", "netstack/driver.py", "netstack/names.py", "netstack/sockets.py")
CORES = (
    "netstack/**/*.py",
    "mesh/policies/**/*.py",
    "mesh/discovery/dns/cache.py",
    "mesh/discovery/dns/zone.py",
    "mesh/discovery/registry/desk.py",
    "mesh/discovery/registry/wire.py",
)
IMPURE = {"asyncio", "multiprocessing", "select", "selectors", "socket", "subprocess", "threading", "time", "trio"}


def report(*command: str) -> str:
    """What a tool has to say against the project; nothing when it is content."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    return "" if done.returncode == 0 else f"\n$ {' '.join(command)}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("ruff", "format", "--check", "."), id="format"),
        pytest.param(("ruff", "check", "--output-format=concise", "."), id="lint"),
        pytest.param(("mypy",), id="types"),
        pytest.param(("lint-imports", "--no-cache"), id="layers"),
    ],
)
def test_a_tool_is_content(arguments: tuple[str, ...]) -> None:
    tool, *rest = arguments
    if not (BIN / tool).exists():
        pytest.skip(f"{tool} is not installed; ./lab test installs it")
    if complaints := report(str(BIN / tool), *rest):
        pytest.fail(complaints, pytrace=False)


def core_modules() -> Iterator[Path]:
    for path in sorted(path for pattern in CORES for path in ROOT.glob(pattern)):
        if not path.relative_to(ROOT).as_posix().startswith(SHELLS):
            yield path


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", list(core_modules()), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_core_of_netstack_knows_neither_clock_nor_network(path: Path) -> None:
    for name in imported(path):
        assert name.split(".")[0] not in IMPURE, f"{path.name} imports {name}: pass in what it needs, such as `now`"
        as_file = name.replace(".", "/")
        shell = next(
            (shell for shell in SHELLS if f"{as_file}/".startswith(shell.removesuffix(".py").rstrip("/") + "/")), None
        )
        assert shell is None, f"{path.name} is pure core and imports {name}, which is a shell ({shell})"


def test_no_core_draws_from_the_global_random() -> None:
    for path in core_modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random":
                assert node.attr == "Random", (
                    f"{path.name}:{node.lineno}: random.{node.attr} is not seeded; take a random.Random"
                )
