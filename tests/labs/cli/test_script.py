"""`./lab`, the script: finding its way, its one set-up, and what a second start costs.

The quick tests run the real script in a clone whose Python is a stand-in: a shell script that notes what it is asked to
install and makes the folders that the real one would. What the real one does is the slow test at the end.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SHELL = shutil.which("dash") or "/bin/sh"

STAND_IN = f"""#!/bin/sh
case "$*" in
    *realpath*) echo "$0" ;;
    *"import ensurepip"*) ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    "-m pip install "*)
        echo "$*" >>"$NOTES"
        if [ -n "${{FAIL:-}}" ]; then echo "no network"; exit 1; fi
        ${{PAUSE:-true}} ;;
    "-P -m labs"*) shift 3; printf '[%s]' "$@"; pwd ;;
    *) exec '{os.path.realpath(sys.executable)}' "$@" ;;
esac
"""


class Clone:
    """A clone of the course with a stand-in for Python, in a folder with a space in its name."""

    def __init__(self, folder: Path) -> None:
        self.here = folder / "my clone"
        self.notes = folder / "notes"
        self.home = folder / "home"
        self.user: tuple[str, ...] = ()  # the command that starts as another user
        (self.here / "lock").mkdir(parents=True)
        self.home.mkdir()
        for name in ("lab", "pyproject.toml", "lock/core.txt"):
            shutil.copy(ROOT / name, self.here / name)
        python = folder / "python"
        python.write_text(STAND_IN)
        python.chmod(0o755)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C",
            "DOWNSTACK_PYTHON": str(python),
            "NOTES": str(self.notes),
        }

    def start(
        self, *arguments: str, script: Path | None = None, cwd: Path | None = None, **environment: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.user, SHELL, str(script or self.here / "lab"), *arguments],
            cwd=cwd or self.here,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *arguments: str, script: Path | None = None, cwd: Path | None = None, **environment: str
    ) -> tuple[int, str, str]:
        process = self.start(*arguments, script=script, cwd=cwd, **environment)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def installed(self) -> list[str]:
        """What pip was asked for, a line each."""
        return self.notes.read_text().splitlines() if self.notes.exists() else []


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_the_first_start_sets_up_and_the_second_does_not(clone: Clone) -> None:
    code, out, err = clone.run("--version")
    assert (code, out) == (0, f"[--version]{clone.here}\n")
    assert "ready" in err
    from_the_lock, itself = clone.installed()
    assert "--require-hashes" in from_the_lock
    assert "--editable" in itself
    assert clone.run("--version") == (0, f"[--version]{clone.here}\n", "")
    assert len(clone.installed()) == 2


def test_arguments_reach_the_command_as_they_were_typed(clone: Clone) -> None:
    clone.run()
    _, out, _ = clone.run("check", "a file", "", "*", "$HOME")
    assert out == f"[check][a file][][*][$HOME]{clone.here}\n"


def test_it_is_found_from_any_folder_and_through_links(clone: Clone, tmp_path: Path) -> None:
    clone.run()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "absolute").symlink_to(clone.here / "lab")
    (elsewhere / "relative").symlink_to("../my clone/lab")
    (elsewhere / "twice").symlink_to("relative")
    for link in ("absolute", "relative", "twice"):
        assert clone.run("list", script=elsewhere / link, cwd=elsewhere) == (0, f"[list]{elsewhere}\n", "")
    assert clone.run("list", script=Path("lab"), CDPATH="/:.") == (0, f"[list]{clone.here}\n", "")
    assert len(clone.installed()) == 2


def test_a_new_lock_file_is_installed_and_a_new_version_of_the_project_too(clone: Clone) -> None:
    clone.run()
    with (clone.here / "pyproject.toml").open("a") as project:
        project.write("\n# changed\n")
    clone.run()
    assert len(clone.installed()) == 3, "the project alone"
    with (clone.here / "lock/core.txt").open("a") as lock:
        lock.write("\n# changed\n")
    clone.run()
    assert len(clone.installed()) == 5, "the packages and the project"


def test_a_clone_that_was_moved_is_set_up_anew(clone: Clone, tmp_path: Path) -> None:
    clone.run()
    clone.here = clone.here.rename(tmp_path / "moved")
    _, out, _ = clone.run()
    assert out.endswith("moved\n")
    assert len(clone.installed()) == 4


def test_a_python_that_is_gone_is_noticed(clone: Clone) -> None:
    clone.run()
    (clone.here / ".venv/bin/python").unlink()
    (clone.here / ".venv/bin/python").symlink_to("/nowhere/python3.11")
    assert clone.run()[0] == 0
    assert len(clone.installed()) == 4


def test_two_first_starts_at_once_set_up_once(clone: Clone) -> None:
    starts = [clone.start("list", PAUSE="sleep 0.3") for _ in range(4)]
    ended = [(*start.communicate(timeout=30), start.returncode) for start in starts]
    assert [(out, code) for out, _, code in ended] == [(f"[list]{clone.here}\n", 0)] * 4
    assert len(clone.installed()) == 2
    assert sum("waiting for it" in err for _, err, _ in ended) == 3


def test_a_set_up_that_failed_says_what_helps_and_is_taken_up_again(clone: Clone) -> None:
    code, out, err = clone.run("list", FAIL="yes")
    assert (code, out) == (1, "")
    assert "no network" in err
    assert "run the same command again" in err
    code, out, _ = clone.run("list")
    assert (code, out) == (0, f"[list]{clone.here}\n")


@pytest.mark.parametrize("name", ["INT", "TERM", "KILL"])
def test_an_interrupted_set_up_is_taken_up_again(clone: Clone, name: str) -> None:
    process = clone.start("list", PAUSE="sleep 2")
    deadline = time.monotonic() + 20
    while not clone.installed():
        assert time.monotonic() < deadline, "pip was never called"
        time.sleep(0.01)
    subprocess.run(["kill", f"-{name}", "--", f"-{process.pid}"], check=True, timeout=5)
    _, err = process.communicate(timeout=20)
    assert process.returncode != 0
    assert ("interrupted;" in err) is (name != "KILL")
    assert not (clone.here / ".venv/lab-stamp").exists()
    assert clone.run("list")[:2] == (0, f"[list]{clone.here}\n")


def test_a_clone_of_somebody_else_keeps_its_packages_in_the_cache() -> None:
    """Root may write everywhere, so as root the script runs as nobody, in a folder that nobody can enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        clone = Clone(folder)
        (folder / "notes").touch()
        if os.geteuid() == 0:
            for path in (clone.home, clone.notes):
                os.chown(path, 65534, 65534)
            clone.user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
        clone.here.chmod(0o555)
        try:
            assert clone.run("list")[:2] == (0, f"[list]{clone.here}\n")
            assert clone.run("list") == (0, f"[list]{clone.here}\n", "")
            assert not (clone.here / ".venv").exists()
            assert len(list((clone.home / ".cache/downstack").glob("venv-*"))) == 1
        finally:
            clone.here.chmod(0o755)


# A machine that lacks things: the script sees only the programs that a test gives it.

ORDINARY = (
    "cat",
    "chmod",
    "cksum",
    "cp",
    "cut",
    "dirname",
    "env",
    "mkdir",
    "readlink",
    "rm",
    "sed",
    "sh",
    "tail",
    "touch",
    "uname",
)


def bare_machine(clone: Clone, folder: Path, **programs: str) -> None:
    """Let the clone's script run where PATH holds ordinary tools and `programs`, given as shell scripts."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ORDINARY:
        (tools / name).symlink_to(shutil.which(name) or name)
    for name, text in programs.items():
        program = tools / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    clone.environment["PATH"] = str(tools)
    script = clone.here / "lab"
    text = script.read_text()
    for outside in ("/usr/bin/python3 python3 ", ":/usr/sbin:/sbin"):
        assert outside in text
        text = text.replace(outside, "")
    script.write_text(text)


def test_without_a_python_it_says_which_it_wants(clone: Clone, tmp_path: Path) -> None:
    bare_machine(clone, tmp_path, id="echo 0")
    code, _, err = clone.run(DOWNSTACK_PYTHON="/bin/false")
    assert code == 1
    assert "no Python 3.11 to 3.14" in err


@pytest.mark.skipif(sys.platform != "linux", reason="the tools are wanted on Linux only")
def test_tools_that_cannot_be_had_are_a_warning(clone: Clone, tmp_path: Path) -> None:
    bare_machine(clone, tmp_path, id="echo 0", apt_get="echo no network; exit 1")
    code, out, err = clone.run("list")
    assert (code, out) == (0, f"[list]{clone.here}\n")
    assert "warning: could not get iproute2 net-tools bridge-utils" in err
    assert clone.run("list") == (0, f"[list]{clone.here}\n", ""), "and it is said once"


@pytest.mark.skipif(sys.platform != "linux", reason="the tools are wanted on Linux only")
def test_a_plain_user_gets_tools_unpacked_in_the_cache(clone: Clone, tmp_path: Path) -> None:
    apt_get = """
        echo "$*" >>"$NOTES.apt"
        case "$*" in
            *"-s "*) echo "Inst libmnl0 (1.0)"; echo "Inst iproute2 (6.1)" ;;
            *" download "*) touch iproute2.deb libmnl0.deb ;;
        esac"""
    dpkg = 'mkdir -p "$3/usr/sbin"; printf "#!/bin/sh\\n" >"$3/usr/sbin/ip"; chmod 755 "$3/usr/sbin/ip"'
    bare_machine(clone, tmp_path, id="echo 1000", apt_get=apt_get, dpkg=dpkg)
    code, _, err = clone.run("list")
    assert code == 0
    assert "unpacking Debian packages below" in err
    assert "warning" not in err
    asked = Path(f"{clone.notes}.apt").read_text()
    assert "-qq download libmnl0 iproute2\n" in asked
    assert not [line for line in asked.splitlines() if "install" in line and not line.startswith("-s ")], (
        "nothing is installed"
    )
    assert (clone.home / ".cache/downstack/debian/usr/sbin/ip").exists()


def test_clean_takes_away_what_it_made_and_nothing_else(clone: Clone) -> None:
    clone.run()
    work = clone.home / "downstack/lab01"
    work.mkdir(parents=True)
    (clone.here / "labs/__pycache__").mkdir(parents=True)
    (clone.here / ".venv/bin/python").write_text("broken")
    code, _, err = clone.run("clean")
    assert code == 0
    assert f"removed {clone.here}/.venv" in err
    assert not (clone.here / ".venv").exists()
    assert not (clone.here / "labs/__pycache__").exists()
    assert work.exists()
    assert clone.run("clean") == (0, "", ""), "twice is no error"


def test_it_is_plain_posix_shell() -> None:
    subprocess.run([SHELL, "-n", str(ROOT / "lab")], check=True, timeout=10)
    if shellcheck := shutil.which("shellcheck"):
        done = subprocess.run(
            [shellcheck, ROOT / "lab", ROOT / "lock/refresh", ROOT / ".ci/run"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout == ""


@pytest.mark.skipif(not (ROOT / ".venv/lab-stamp").exists(), reason="./lab has not set this clone up")
@pytest.mark.parametrize("command", ["--version", "--help"])
def test_a_warm_start_is_quick(command: str) -> None:
    def seconds() -> float:
        """Of processor time, which is what a start takes on an idle machine: others may use this one too."""
        before = os.times()
        subprocess.run([ROOT / "lab", command], check=True, capture_output=True, timeout=20)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(3)) < 0.5


@pytest.mark.skipif(not (ROOT / ".venv/lab-stamp").exists(), reason="./lab has not set this clone up")
def test_a_real_start_without_terminal_colour_or_locale() -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C", "NO_COLOR": "1"}
    done = subprocess.run(
        [ROOT / "lab", "nonsense"],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=20,
    )
    assert done.returncode == 64
    assert done.stderr.startswith("lab: there is no command 'nonsense'")
    assert "\x1b" not in done.stderr


@pytest.mark.slow
def test_a_real_first_start_in_a_fresh_clone_then_offline(tmp_path: Path) -> None:
    """Needs the network, as every first start does."""
    clone = tmp_path / "fresh clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, timeout=60)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DOWNSTACK", "PYTHON"))}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    first = subprocess.run([clone / "lab", "--version"], env=environment, capture_output=True, text=True, timeout=600)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("downstack ")
    offline = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*offline, "true"], capture_output=True, timeout=10).returncode != 0:
        pytest.skip("needs user namespaces to take the network away")
    second = subprocess.run(
        [*offline, clone / "lab", "--version"], env=environment, capture_output=True, text=True, timeout=20
    )
    assert (second.returncode, second.stdout, second.stderr) == (0, first.stdout, "")
