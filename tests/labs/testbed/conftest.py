"""A small theatre for the tests of this folder: programs as text, hosts in a row, played on `sim`."""

import itertools
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mininet.topo import Topo

from labs.testbed.cast import Cast
from labs.testbed.scene import Acting, Limits, Program, Scene
from labs.testbed.sim import Played, play
from netstack.wire import SECOND

HOSTS = "abcdef"
QUICK = Limits(time=20 * SECOND)


def row(count: int, **link: Any) -> Callable[[], Topo]:
    """A topology of hosts a, b, … in a row, with links that have these properties."""

    class Row(Topo):
        def build(self, *_: object, **__: object) -> None:
            hosts = [self.addHost(name) for name in HOSTS[:count]]
            for one, other in itertools.pairwise(hosts):
                self.addLink(one, other, **link)

    return Row


class Theatre:
    """Plays programs that are given as text: the first on host a, the next on b, and so on, in a row."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self._numbers = itertools.count()

    def program(self, source: str, host: str = "a", **how: Any) -> Program:
        """A program of this text, with trio imported on its first line."""
        file = f"program{next(self._numbers)}.py"
        (self.cast.own / file).write_text("import trio\n" + textwrap.dedent(source).lstrip("\n"))
        return Program(host=host, file=file, **how)

    def scene(self, *cast: str | Program | Acting, link: dict[str, Any] | None = None, **how: Any) -> Scene:
        programs = tuple(
            self.program(part, host) if isinstance(part, str) else part for host, part in zip(HOSTS, cast, strict=False)
        )
        hosts = len({program.host for program in programs})
        return Scene(
            **{"name": "test", "topology": row(hosts, **(link or {})), "programs": programs, "limits": QUICK, **how}
        )

    def play(self, *cast: str | Program | Acting, seed: int = 1, **how: Any) -> Played:
        return play(self.scene(*cast, **how), self.cast, seed=seed)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A theatre whose zygote serves the whole test run; programs know nothing of each other all the same."""
    with Cast(own=tmp_path_factory.mktemp("own")) as cast:
        yield Theatre(cast)


@pytest.fixture
def folder(stage: Theatre) -> Path:
    """Where the theatre's programs lie."""
    return stage.cast.own


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs get 0.3 s for a turn instead of 2."""
    monkeypatch.setattr("labs.testbed.actors.SILENCE", 0.3)
    monkeypatch.setattr("labs.testbed.actors.PATIENCE", 1.5)
