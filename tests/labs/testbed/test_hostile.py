"""Every program of `tests/hostile`, played in a sandbox: the play ends, says what happened, and nobody else notices.

On host b runs an honest program. All are played by one cast, so whatever one of them broke, the next finds whole.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mininet.topo import Topo

from labs.story.trace import Exit
from labs.testbed import sandbox
from labs.testbed.cast import Cast
from labs.testbed.scene import Limits, Offering, Port, Program, Scene
from labs.testbed.sim import Played, play
from netstack.wire import SECOND

HOSTILE = Path(__file__).parents[2] / "hostile"
HONEST = """
import trio

async def main(host):
    while True:
        host.app.send_nowait(b"all is well")
        await trio.sleep(0.1)
"""
ANSWERS = ("netstack/framing.py", "netstack/neighbours.py", "netstack/multiplex.py", "netstack/privacy.py")
# How each ends, and what the judge says of it.
STUCK = ("stopped", "without ever waiting")
ENDINGS = {
    "early_exit": ("returned", ""),
    "endless_loop": STUCK,
    "endless_output": ("stopped", "it printed more than"),
    "forge_channel": ("stopped", "which only the judge sends"),
    "fork_bomb": STUCK,
    "giant_message": ("stopped", "a message of 4294967295 bytes"),
    "html": ("raised", "ValueError"),
    "kill_all": ("died", ""),
    "memory": STUCK,
    "nanosleeper": ("stopped", "does it sleep for no time?"),
    "os_exit": ("died", "exited with 0"),
    "oversize_frames": ("returned", ""),
    "read_checks": ("returned", ""),
    "real_sleep": STUCK,
    "silent": ("cancelled", ""),
    "terminal_escapes": ("raised", "ValueError"),
    "thread_bomb": ("stopped", ""),
}


class Pair(Topo):
    def build(self, *_: object, **__: object) -> None:
        self.addLink(self.addHost("a"), self.addHost("b"))


@pytest.fixture(scope="module")
def level() -> sandbox.Level:
    best, reason = sandbox.best_level()
    if best is sandbox.Level.NONE:
        pytest.skip(f"no sandbox to run hostile programs in: {reason}")
    if "processes is not limited" in reason:
        pytest.skip(reason)
    return best


@pytest.fixture(scope="module")
def cast(level: sandbox.Level, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    """Programs in a folder of their own, so that it holds nothing else to be found."""
    own = tmp_path_factory.mktemp("hostile") / "own"
    shutil.copytree(HOSTILE, own)
    (own / "honest.py").write_text(HONEST)
    for folder in (own, *own.parents[:3]):
        folder.chmod(0o755)
    with Cast(own=own, level=level, cpu_seconds=5, hidden=ANSWERS) as cast:
        yield cast
    assert commands_with(str(own)) == []


def commands_with(text: str) -> list[bytes]:
    commands = (read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))
    return [command for command in commands if text.encode() in command]


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def played(name: str, cast: Cast) -> Played:
    scene = Scene(
        name=name,
        topology=Pair,
        programs=(Program(host="a", file=f"{name}.py"), Program(host="b", file="honest.py")),
        ports=(Port(host="a", offers=(Offering(b"a question"),)), Port(host="b")),
        limits=Limits(time=2 * SECOND, exchanges=2_000),
    )
    return play(scene, cast, seed=1)


def test_the_table_names_every_program() -> None:
    assert set(ENDINGS) == {path.stem for path in HOSTILE.glob("*.py")}


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.usefixtures("impatient")
def test_a_hostile_program_gets_nowhere(name: str, cast: Cast) -> None:
    result = played(name, cast)
    ends = {event.host: event for event in result.trace.events if isinstance(event, Exit)}
    how, words = ENDINGS[name]
    assert (ends["a"].how, ends["b"].how) == (how, "cancelled")
    assert words in ends["a"].detail
    assert not ends["b"].detail
    if cast.level is sandbox.Level.BUBBLEWRAP:  # another user may read what everybody may
        assert "LEAK" not in result.output["a", "main"]
