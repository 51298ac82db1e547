"""Starting programs, and leaving nothing behind: whoever is interrupted, and however."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labs.testbed import sandbox
from labs.testbed.cast import Cast, CastError, stage
from labs.testbed.sandbox import Level
from labs.testbed.scene import Limits, Port, Program, Scene
from labs.testbed.sim import play
from netstack.wire import SECOND

from .conftest import Theatre, row

CHECKOUT = Path(__file__).parents[3]
PATIENCE = 15.0  # real seconds; all that is waited for takes a fraction of one
QUIET = "async def main(host):\n    await trio.sleep_forever()"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def folders(where: Path) -> list[Path]:
    return list(where.glob("downstack-*"))


JUDGE = """
    import os, sys, tempfile
    from pathlib import Path
    tempfile.tempdir = sys.argv[2]
    from labs.testbed.cast import Cast
    from labs.testbed.sandbox import Level
    from labs.testbed.scene import Limits, Program, Scene
    from labs.testbed.sim import play
    from mininet.topo import Topo
    import labs.testbed.actors
    labs.testbed.actors.SILENCE = 60

    class Alone(Topo):
        def build(self):
            self.addHost("a")

    scene = Scene(name="s", topology=Alone, programs=(Program(host="a", file="program.py"),))
    def watch(event):
        {watch}
    with Cast(own=Path(sys.argv[1]), level=Level[sys.argv[3]]) as cast:
        play(scene, cast, seed=1, watch=watch)
"""


class Run:
    """A judge in a process of its own, which plays a program that tells us when it is on."""

    def __init__(self, folder: Path, program: str, *, watch: str = "pass", level: Level = Level.NONE) -> None:
        self.folder = folder
        own, self.temporary = folder / "own", folder / "tmp"
        for made in (own, self.temporary):
            made.mkdir(parents=True)
            made.chmod(0o755)
        (own / "program.py").write_text("import trio\n" + textwrap.dedent(program))
        script = textwrap.dedent(JUDGE).format(watch=watch)
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(own), str(self.temporary), level.name],
            cwd=CHECKOUT,
            stderr=subprocess.PIPE,
        )

    def processes(self) -> list[int]:
        """All processes that have this test's folder on their command line, but the judge's own."""
        needle = os.fsencode(self.folder)
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != self.process.pid:
                try:
                    if needle in (entry / "cmdline").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    def end(self) -> str:
        """Wait for the judge, and return its last words."""
        try:
            _, said = self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
            self.process.communicate()
        return said.decode()


@pytest.fixture
def ground() -> Iterator[Path]:
    """A folder that other users may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="ground-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


SPINS = "async def main(host):\n    host.note('on')\n    host._carrier.flush()\n    while True: pass\n"


@pytest.fixture(params=list(Level), ids=lambda level: level.name)
def level(request: pytest.FixtureRequest) -> Level:
    reason = sandbox.why_not(request.param)
    if reason:
        pytest.skip(f"{request.param.name}: {reason}")
    return request.param


class TestNothingIsLeft:
    def test_after_ctrl_c(self, ground: Path, level: Level) -> None:
        run = Run(ground, SPINS, watch="os.kill(os.getpid(), 2)", level=level)
        assert "KeyboardInterrupt" in run.end()
        assert run.processes() == []
        assert folders(run.temporary) == []

    def test_after_an_exception_in_the_judge(self, ground: Path, level: Level) -> None:
        run = Run(ground, SPINS, watch="1 / 0", level=level)
        assert "ZeroDivisionError" in run.end()
        assert run.processes() == []
        assert folders(run.temporary) == []

    def test_after_the_judge_was_killed(self, ground: Path, level: Level) -> None:
        run = Run(ground, SPINS, watch="os.kill(os.getpid(), 9)", level=level)
        run.end()
        assert until(lambda: run.processes() == []), "the zygote and a program that runs in circles must not outlive it"

    def test_the_next_one_sweeps_up_what_a_killed_one_could_not(
        self, ground: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = Run(ground, SPINS, watch="os.kill(os.getpid(), 9)")
        run.end()
        assert len(folders(run.temporary)) == 1
        monkeypatch.setattr(tempfile, "tempdir", str(run.temporary))
        with Cast(own=ground) as first, Cast(own=ground) as second:
            assert sorted(folders(run.temporary)) == sorted([first.folder, second.folder]), "and spares who is alive"
        assert folders(run.temporary) == []

    def test_when_the_zygote_is_killed_its_programs_go_too(self, tmp_path: Path) -> None:
        (tmp_path / "spin.py").write_text("while True: pass")
        with Cast(own=tmp_path) as cast:
            running = cast.start("a")
            (zygote,) = cast._zygotes.values()
            os.kill(zygote.process.pid, signal.SIGKILL)
            assert until(lambda: not Path(f"/proc/{running.pid}").exists())


class TestZygotes:
    def test_one_serves_all_hosts_where_nothing_is_kept_apart(self, stage: Theatre) -> None:
        with Cast(own=stage.cast.own) as cast:
            play(stage.scene(QUIET, QUIET, QUIET), cast, seed=1)
            assert len(cast._zygotes) == 1

    def test_each_host_has_its_own_in_a_sandbox(self, ground: Path) -> None:
        if reason := sandbox.why_not(Level.BUBBLEWRAP):
            pytest.skip(reason)
        (ground / "quiet.py").write_text("async def main(host): pass")
        programs = [Program(host=host, file="quiet.py") for host in "ab"]
        programs.append(Program(host="a", file="quiet.py", name="second"))
        scene = Theatre.scene(Theatre(None), *programs, topology=row(2))  # type: ignore[arg-type]
        with Cast(own=ground, level=Level.BUBBLEWRAP) as cast:
            for _ in range(2):
                play(scene, cast, seed=1)
            assert len(cast._zygotes) == 2

    def test_a_program_that_kills_its_zygote_ends_only_its_own_play(self, stage: Theatre) -> None:
        kills = stage.program(
            "import os, signal\nasync def main(host):\n    os.kill(os.getppid(), 9)\n"
            "    while True:\n        await trio.sleep(0.01)"  # the kernel takes a moment to pass the death on
        )
        quiet = stage.program("async def main(host): host.note('fine')")
        with Cast(own=stage.cast.own) as cast:
            assert play(stage.scene(kills), cast, seed=1).trace.exits()[0].how in ("died", "cancelled")
            assert play(stage.scene(quiet), cast, seed=1).trace.exits()[0].how == "returned"

    def test_a_program_that_stops_its_zygote_holds_nobody_up(
        self, stage: Theatre, impatient: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("labs.testbed.cast.ANSWER_WITHIN", 0.5)
        stops = stage.program("import os\nos.kill(os.getppid(), 19)\nwhile True: pass")
        quiet = stage.program("async def main(host): host.note('fine')")
        with Cast(own=stage.cast.own) as cast:
            assert play(stage.scene(stops), cast, seed=1).trace.exits()[0].how == "stopped"
            assert play(stage.scene(quiet), cast, seed=1).trace.exits()[0].how == "returned"
            (zygote,) = cast._zygotes.values()
        assert until(lambda: not Path(f"/proc/{zygote.process.pid}").exists())

    def test_a_module_that_is_preloaded_is_there_without_being_imported(self, stage: Theatre) -> None:
        looks = stage.program("import sys\nasync def main(host): host.note(str('colorsys' in sys.modules))")
        with Cast(own=stage.cast.own, preload=("colorsys",)) as cast:
            assert [event.text for event in play(stage.scene(looks), cast, seed=1).trace.events[:1]] == ["True"]  # type: ignore[union-attr]

    def test_a_zygote_that_cannot_start_says_what_to_do(self, stage: Theatre) -> None:
        with (
            Cast(own=stage.cast.own, preload=("no_such_module",)) as cast,
            pytest.raises(CastError, match="DOWNSTACK_DEBUG=1"),
        ):
            play(stage.scene(QUIET), cast, seed=1)


class TestStaging:
    def test_a_program_sees_our_packages_without_the_answers(self, tmp_path: Path) -> None:
        stage(tmp_path, hidden=("netstack/wire.py",))
        assert (tmp_path / "netstack/__init__.py").exists()
        assert not (tmp_path / "netstack/wire.py").exists()

    def test_a_program_sees_nothing_of_the_judge(self, tmp_path: Path) -> None:
        stage(tmp_path)
        seen = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "labs").rglob("*.py")}
        assert {path for path in seen if "/program/" not in path} == {
            "labs/__init__.py",
            "labs/testbed/__init__.py",
            "labs/testbed/channel.py",
        }

    def test_given_comes_before_the_students_own(self, stage: Theatre, tmp_path: Path) -> None:
        given, own = tmp_path / "given", tmp_path / "own"
        for folder in (given, own):
            folder.mkdir()
            (folder / "same.py").write_text(f"async def main(host): host.note({folder.name!r})")
        with Cast(own=own, given=given) as cast:
            trace = play(stage.scene(Program(host="a", file="same.py")), cast, seed=1).trace
        assert trace.events[0].text == "given"  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("source", "told"),
        [
            ("async def main(host): 1 / 0", 'File "fails.py", line 1, in main'),
            ("async def main(host):\n    while True: pass", 'File "fails.py", line 2 in main'),
        ],
        ids=["raises", "spins"],
    )
    @pytest.mark.usefixtures("impatient")
    def test_a_folder_with_spaces_quotes_and_other_letters(
        self, stage: Theatre, tmp_path: Path, source: str, told: str
    ) -> None:
        own = tmp_path / 'Übung 1, "it\'s 雪" $HOME'
        own.mkdir()
        (own / "fails.py").write_text(source)
        with Cast(own=own) as cast:
            trace = play(stage.scene(Program(host="a", file="fails.py")), cast, seed=1).trace
        assert told in trace.exits()[0].detail


class TestInASandbox:
    """The same plays at each level."""

    def cast(self, folder: Path, level: Level, program: str) -> Cast:
        (folder / "program.py").write_text("import trio\n" + textwrap.dedent(program))
        return Cast(own=folder, level=level)

    def play(self, folder: Path, level: Level, program: str, hosts: int = 1) -> list[str]:
        """The endings of a program on each host, in words, and what it printed."""
        programs = tuple(Program(host=host, file="program.py") for host in "abc"[:hosts])
        limits = Limits(time=10 * SECOND)
        scene = Theatre.scene(Theatre(None), *programs, limits=limits)  # type: ignore[arg-type]
        with self.cast(folder, level, program) as cast:
            played = play(scene, cast, seed=1)
        return [f"{event.how} {event.detail} {played.output[event.host, 'main']}" for event in played.trace.exits()]

    def test_programs_talk(self, ground: Path, level: Level) -> None:
        talks = """
            async def main(host):
                await host.link.send(host.name.encode())
                print(await host.link.receive())
        """
        assert self.play(ground, level, talks, hosts=2) == ["returned  b'b'\n", "returned  b'a'\n"]

    def test_a_failure_names_its_line(self, ground: Path, level: Level) -> None:
        (told,) = self.play(ground, level, "async def main(host): 1 / 0")
        assert 'File "program.py", line 2, in main' in told

    @pytest.mark.usefixtures("impatient")
    def test_spinning_names_its_line(self, ground: Path, level: Level) -> None:
        (told,) = self.play(ground, level, "async def main(host):\n    while True: pass")
        assert told.startswith("stopped it ran for")
        assert 'File "program.py", line 3 in main' in told

    def test_a_sudden_end_is_told(self, ground: Path, level: Level) -> None:
        (told,) = self.play(ground, level, "import os\nasync def main(host): os._exit(5)")
        assert told == "died its process exited with 5 "

    def test_memory_runs_out(self, ground: Path, level: Level) -> None:
        (told,) = self.play(ground, level, "async def main(host): bytearray(4 << 30)")
        assert told.startswith("raised ")
        assert "MemoryError" in told

    def test_what_a_program_starts_ends_with_it(self, ground: Path, level: Level) -> None:
        leaves = f"""
            import os, time
            async def main(host):
                if os.fork() == 0:
                    os.setsid()
                    os.execvp("sleep", ["sleep", "1000.{os.getpid()}"])
        """
        self.play(ground, level, leaves)
        assert until(lambda: not self.sleepers()), "it left a process behind"

    def sleepers(self) -> list[str]:
        needle = f"1000.{os.getpid()}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if needle in (entry / "cmdline").read_bytes():
                        found.append(entry.name)
                except OSError:
                    continue
        return found


# A cast like another --------------------------------------------------------------------------------------------------

SAYS = "import word\nasync def main(host):\n    await host.app.send(word.WORD)"
TO_BE_HEARD = Scene(
    name="says",
    topology=row(1),
    programs=(Program(host="a", file="says.py"),),
    ports=(Port(host="a", enough=1),),
)


def test_a_cast_like_another_plays_its_own_programs(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
        (folder / "says.py").write_text(SAYS)
        (folder / "word.py").write_text(f"WORD = {folder.name.encode()!r}")
    with Cast(own=folders[0]) as ready:
        process = ready.warm().process
        with ready.another(folders[1]) as other:
            said = [play(TO_BE_HEARD, cast, seed=1).trace.delivered("a") for cast in (ready, other, ready)]
            assert other.warm().process is None  # it was forked
        assert play(TO_BE_HEARD, ready, seed=1).trace.delivered("a") == [b"first"]
    assert said == [[b"first"], [b"second"], [b"first"]]
    assert process is not None
    assert process.poll() is not None


def test_in_a_sandbox_nothing_is_shared_with_another_submission(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in a sandbox"):
        Cast(own=tmp_path, level=Level.BUBBLEWRAP).another(tmp_path)


def test_a_file_that_no_compiler_survives_is_its_programs_trouble(tmp_path: Path) -> None:
    (tmp_path / "says.py").write_text("async def main(host):\n    await host.app.send(b'well')")
    (tmp_path / "deep.py").write_text("(" * 100_000)
    (tmp_path / "no.py").write_bytes(b"\x00\xff")
    os.mkfifo(tmp_path / "pipe.py")
    with Cast(own=tmp_path) as cast:
        assert play(TO_BE_HEARD, cast, seed=1).trace.delivered("a") == [b"well"]


def test_a_program_finds_a_file_that_came_later_though_the_folder_has_its_old_date(tmp_path: Path) -> None:
    with Cast(own=tmp_path) as cast:
        scene = Theatre(cast).scene("import came_later\n\nasync def main(host):\n    assert came_later.here")
        dated = tmp_path.stat().st_mtime_ns
        cast.warm()
        (tmp_path / "came_later.py").write_text("here = True\n")
        os.utime(tmp_path, ns=(dated, dated))
        (exited,) = play(scene, cast, seed=1).trace.exits()
    assert (exited.how, exited.detail) == ("returned", "")
