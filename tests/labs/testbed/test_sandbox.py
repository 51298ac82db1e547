"""The sandbox against programs that mean harm: what each tries, and that it gets nowhere and leaves nothing.

Every program carries a word of its own on its command line. After each run we look for that word among the commands of
all processes, so `end` is judged by something that it does not use itself.
"""

import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labs.testbed import leftovers, sandbox
from labs.testbed.output import Tail, drain
from labs.testbed.sandbox import Confined, Level, Limits, Unavailable, accounts, levels

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a sandbox needs Linux")

PATIENCE = 10.0  # seconds that any program gets; none needs more than two
CHECKOUT = Path(__file__).parents[3]
NESTED = "SANDBOX_TESTS_NESTED"
PLAIN_USER = 4321


@pytest.fixture(params=[Level.BUBBLEWRAP, Level.OTHER_UID], ids=["bubblewrap", "other_uid"])
def level(request: pytest.FixtureRequest) -> Level:
    """Each of the two levels that keep a hostile program apart."""
    return available(request.param)


@pytest.fixture(params=list(Level), ids=["none", "bubblewrap", "other_uid"])
def any_level(request: pytest.FixtureRequest) -> Level:
    return available(request.param)


def available(level: Level) -> Level:
    reason = sandbox.why_not(level)
    if reason:
        pytest.skip(f"{level.name}: {reason}")
    return level


@pytest.fixture
def ground() -> Iterator[Path]:
    """A folder that others may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="ground-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@dataclass(frozen=True)
class Ended:
    """How a program ended, by itself or because its time was over."""

    how: str
    said: str
    complained: str
    seconds: float


@contextmanager
def launched(source: str, level: Level, *words: Any, **how: Any) -> Iterator[tuple[Confined, str]]:
    """A running program, and its word; at the end, nothing of it may be left."""
    word = secrets.token_hex(8)
    options: dict[str, Any] = {"readable": (), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    process = sandbox.launch([sys.executable, "-ISc", source, *map(str, words), word], level=level, **options)
    try:
        yield process, word
    finally:
        sandbox.end(process)
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
        assert commands_with(word) == [], "end() left processes behind"


def run(source: str, level: Level, *words: Any, patience: float = PATIENCE, **how: Any) -> Ended:
    """Run a program to its end, or until `patience` is over; what it printed must be little."""
    began = time.monotonic()
    with launched(source, level, *words, **how) as (process, _):
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            sandbox.end(process)
        seconds = time.monotonic() - began
        assert process.stdout is not None
        assert process.stderr is not None
        said, complained = process.stdout.read().decode(), process.stderr.read().decode()
    return Ended(sandbox.ending(process.returncode), said.strip(), complained.strip(), seconds)


def commands_with(word: str) -> list[str]:
    """The command lines of all living processes that contain `word`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if word in command:
                found.append(command)
    return found


def wait_until(true: Callable[[], Any], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, otherwise


def first_line(process: Confined) -> str:
    """Wait for the first line of a program that is to go on."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], PATIENCE)
    assert readable, "the program said nothing"
    return process.stdout.readline().decode().strip()


# Programs that use up what there is.


def test_a_fork_bomb_stays_small_and_dies(level: Level) -> None:
    if "processes is not limited" in sandbox.best_level()[1]:
        pytest.skip(sandbox.best_level()[1])
    # Without a limit this comes to 128 processes and no more: a test that fails must not take the machine along.
    bomb = """
import os, time
print("lit", flush=True)
for generation in range(7):
    try: os.fork()
    except OSError: pass
time.sleep(1000)
"""
    with launched(bomb, level, limits=Limits(processes=25)) as (process, word):
        first_line(process)
        most = 0
        explodes_until = time.monotonic() + 0.4
        while time.monotonic() < explodes_until:
            most = max(most, sum(command.startswith(sys.executable) for command in commands_with(word)))
        assert 10 < most <= 25, f"{most} processes were seen at once"


def test_processes_that_flee_by_forking_do_not_outrun_the_end(level: Level) -> None:
    """Each forks and exits at once, so that a list of processes is always out of date."""
    comet = """
import os, signal, sys
os.environ.clear()
print("flying", flush=True)
for _ in range(2): os.fork()
while True:
    try:
        if os.fork(): os._exit(0)
        os.setsid()
    except OSError: pass
"""
    with launched(comet, level) as (process, _):
        first_line(process)


def test_a_user_is_ended_even_when_no_list_shows_its_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    with launched("import time; time.sleep(1000)", available(Level.OTHER_UID)) as (process, _):
        assert process.account is not None
        with monkeypatch.context() as blind:
            blind.setattr(leftovers, "_processes", list)
            leftovers.kill_owned(process.account.uid, executioner=accounts.EXECUTIONER)
        assert sandbox.ending(process.wait(PATIENCE)) == "was killed by SIGKILL"


def test_memory_is_refused_beyond_the_limit(level: Level) -> None:
    hog = "kept = [bytearray(1 << 24) for _ in range(40)]"
    ended = run(hog, level, limits=Limits(memory_bytes=200 << 20))
    assert "MemoryError" in ended.complained
    assert ended.how == "exited with 1"


def test_an_endless_loop_ends_with_its_cpu_time(level: Level) -> None:
    limits = Limits(cpu_seconds=1)
    deaf = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    with (
        launched("while True: pass", level, limits=limits) as (plain, _),
        launched(deaf, level, limits=limits) as (other, _),
    ):
        assert sandbox.ending(plain.wait(PATIENCE)) == "was killed by SIGXCPU"
        assert sandbox.ending(other.wait(PATIENCE)) == "was killed by SIGKILL"


def test_endless_output_is_cut_off(level: Level) -> None:
    with launched("while True: print('more ' * 1000)", level) as (process, _):
        tail = Tail(on_excess=process.kill)
        assert process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        while (data := drain(process.stdout.fileno())) is not None:
            tail.feed(data)
            select.select([process.stdout], [], [], 0.1)
            assert time.monotonic() < deadline, "the writer was not stopped"
        assert tail.exceeded
        assert tail.total < 64 * tail.limit


def test_files_are_limited_in_size_and_number(level: Level) -> None:
    source = """
import os
files = []
try:
    while True: files.append(open("/dev/null"))
except OSError as refused: print(refused.strerror, len(files) < 32)
for file in files: file.close()
try:
    with open("big", "wb") as file:
        for _ in range(64): file.write(bytes(1 << 20))
except OSError as refused: print(refused.strerror, os.path.getsize("big"))
"""
    ended = run(source, level, limits=Limits(open_files=32, file_bytes=2 << 20))
    assert ended.said.splitlines() == ["Too many open files True", f"File too large {2 << 20}"]


FILL = """
import os, sys
for place in sys.argv[1:-1]:
    written, number = 0, 0
    try:
        while written < 64 << 20:
            number += 1
            with open(f"{place}/{number}-{sys.argv[-1]}", "wb", buffering=0) as file:
                written += file.write(bytes(1 << 18))
    except OSError as refused: print(place, written, refused.strerror)
"""


def test_nowhere_is_room_for_more_than_a_little() -> None:
    """At level 1 there are two file systems in memory to write to, and both are small."""
    ended = run(FILL, available(Level.BUBBLEWRAP), "/tmp", "/dev/shm", "/dev", "/", "/usr", "/proc",
                limits=Limits(tmp_bytes=2 << 20))  # fmt: skip
    places = {line.split()[0]: (int(line.split()[1]), line.split(maxsplit=2)[2]) for line in ended.said.splitlines()}
    assert places["/tmp"] == places["/dev/shm"] == (2 << 20, "No space left on device")
    assert all(places[place][0] == 0 for place in ("/dev", "/", "/usr", "/proc"))


def test_what_another_user_wrote_is_removed() -> None:
    """At level 2 it can fill the disk while it runs, but nothing stays."""
    source = """
import os, sys
for place in "/tmp", "/dev/shm", ".": open(f"{place}/{sys.argv[-1]}", "w")
print(os.getcwd())
"""
    with launched(source, available(Level.OTHER_UID)) as (process, word):
        home = Path(first_line(process))
        process.wait(PATIENCE)
        assert (home / word).exists()
        assert Path("/tmp", word).exists()
    assert not home.exists()
    assert not Path("/tmp", word).exists()
    assert not Path("/dev/shm", word).exists()


# Programs that will not go.


def test_leaving_at_once_is_told_as_it_was(any_level: Level) -> None:
    assert run("import os; os._exit(7)", any_level).how == "exited with 7"
    assert run("import os; os.kill(os.getpid(), 11)", any_level).how == "was killed by SIGSEGV"


def test_sigterm_reaches_the_program_and_may_be_ignored(any_level: Level) -> None:
    source = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"not going\\n"))
os.write(1, b"ready\\n")
while True: time.sleep(10)
"""
    with launched(source, any_level) as (process, _):
        assert first_line(process) == "ready"
        process.terminate()
        assert first_line(process) == "not going"
        assert process.poll() is None


def test_a_daemon_dies_with_the_rest(any_level: Level) -> None:
    source = """
import os, sys
heard, told = os.pipe()
if os.fork(): os.read(heard, 1); os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
os.setpgid(0, 0)
print("away", flush=True)
os.write(told, b"!")
os.execv("/bin/sh", ["sh", "-c", "sleep 1000; :", sys.argv[-1]])
"""
    with launched(source, any_level) as (process, word):
        assert first_line(process) == "away"
        if any_level is not Level.BUBBLEWRAP:  # there, the namespace ends with its first process
            process.wait(PATIENCE)
            wait_until(lambda: commands_with(word), "the daemon was to live longer than its parent")


def test_ending_at_any_moment_of_the_start_leaves_nothing(any_level: Level) -> None:
    for moment in range(12):
        with launched("import time; time.sleep(1000)", any_level):
            time.sleep(moment * 0.002)


def test_everything_ends_when_whoever_launched_it_is_killed() -> None:
    level, word = available(Level.BUBBLEWRAP), secrets.token_hex(8)
    source = f"""
import subprocess, sys, time
sys.path.insert(0, {str(CHECKOUT)!r})
from labs.testbed.sandbox import Level, launch
inner = [{sys.executable!r}, "-ISc", "print('up', flush=True)\\nimport time; time.sleep(1000)", {word!r}]
process = launch(inner, level=Level({level.value}), readable=(), stdout=subprocess.PIPE, stderr=None)
print(process.stdout.readline().decode(), flush=True)
time.sleep(1000)
"""
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE) as launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline().strip() == b"up"
        launcher.kill()
    wait_until(lambda: not commands_with(word), "the program outlives its judge")


# Programs that reach out.


def test_kill_minus_one_hits_nobody_else(level: Level) -> None:
    bystander = "print('here', flush=True)\nimport time; time.sleep(1000)"
    with launched(bystander, level) as (first, _), launched(bystander, level) as (second, _):
        assert first_line(first) == first_line(second) == "here"
        ended = run("import os, sys\ntry: os.kill(-1, 9)\nexcept OSError: pass\nprint('done')", level)
        assert ended.said == "done"
        assert first.poll() is second.poll() is None


def test_nobody_elses_process_can_be_signalled_or_read(level: Level) -> None:
    source = """
import os, sys
def attempt(what, *arguments):
    try: what(*arguments)
    except OSError as refused: return type(refused).__name__
    return "worked"
victim = int(sys.argv[1])
print(attempt(os.kill, victim, 0), attempt(open, f"/proc/{victim}/mem"), attempt(open, f"/proc/{victim}/environ"))
print(len([name for name in os.listdir("/proc") if name.isdigit()]))
"""
    first, second = run(source, level, os.getpid()).said.splitlines()
    assert "worked" not in first
    if level is Level.BUBBLEWRAP:
        assert int(second) == 2, "the namespace's first process, and the program"


def test_secrets_cannot_be_read(level: Level, ground: Path) -> None:
    """Checks, references and keys stand beside the submission; only the submission is handed over."""
    submission, checks, home = ground / "submission", ground / "checks", Path.home()
    for folder in (submission, checks):
        folder.mkdir()
        (folder / "file.py").write_text("hidden seeds")
    checks.chmod(0o700)
    source = """
import glob, os, sys
for pattern in sys.argv[1:-1]:
    for path in glob.glob(pattern) or [pattern]:
        try: found = os.listdir(path) if os.path.isdir(path) else open(path).read()
        except OSError: continue
        print(path)
"""
    wanted = [submission / "file.py", checks, checks / "file.py", "/proc/1/environ", "/etc/shadow", "/root/*"]
    readable = set(run(source, level, *wanted, readable=[submission]).said.splitlines())
    allowed = {str(submission / "file.py")}
    if level is Level.BUBBLEWRAP:
        # Even what everybody may read.
        (checks / "file.py").chmod(0o644)
        checks.chmod(0o755)
        allowed |= {"/proc/1/environ"}  # of its own first process
        wanted += [
            home,
            "/home/*",
            "/var/log/*",
            "/etc/passwd",
            "/sys/*",
            "/run/*",
            CHECKOUT / "labs",
            CHECKOUT / ".git",
        ]
        readable = set(run(source, level, *wanted, readable=[submission]).said.splitlines())
        # The way to the interpreter is there, with nothing beside it.
        allowed |= {str(parent) for folder in levels.interpreter_folders() for parent in folder.parents}
    assert str(submission / "file.py") in readable
    assert readable <= allowed


def test_what_is_handed_over_cannot_be_changed(level: Level, ground: Path) -> None:
    (ground / "given.py").write_text("as it was")
    if level is Level.BUBBLEWRAP:  # even what everybody may change
        ground.chmod(0o777)
        (ground / "given.py").chmod(0o666)
    source = """
import os, sys
path = sys.argv[1]
attempts = (open, path, "a"), (open, path + "2", "w"), (os.unlink, path), (os.chmod, path, 0o777)
for what, *arguments in attempts:
    try: what(*arguments)
    except OSError: continue
    print("worked")
"""
    assert run(source, level, ground / "given.py", readable=[ground]).said == ""
    assert [path.name for path in ground.iterdir()] == ["given.py"]
    assert (ground / "given.py").read_text() == "as it was"


def test_the_machines_own_network_is_out_of_reach(level: Level) -> None:
    if level is Level.OTHER_UID and not levels.may_empty_the_network():
        pytest.skip("another user has the caller's network where root may not make one")
    source = """
import socket, sys
try: socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2)
except OSError: print("refused")
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert run(source, level, port).said == "refused"
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            pass  # so it was open all the time


def test_no_further_privileges_can_be_had(level: Level) -> None:
    source = """
import ctypes, socket
for name, arguments in {"packet": (17, 3, 768), "raw": (2, 3, 1)}.items():
    try: socket.socket(*arguments)
    except OSError: print(name, -1)
status = open("/proc/self/status").read()
print([line.split() for line in status.splitlines() if line.startswith(("CapEff", "CapBnd", "NoNewPrivs"))])
print("user namespace", ctypes.CDLL(None).unshare(0x10000000))
"""
    lines = run(source, level).said.splitlines()
    assert lines[:2] == ["packet -1", "raw -1"]
    assert lines[2] == str([["CapEff:", "0" * 16], ["CapBnd:", "0" * 16], ["NoNewPrivs:", "1"]])
    if level is Level.BUBBLEWRAP and "--disable-userns" in levels.bubblewrap_options():
        assert lines[3] == "user namespace -1"


# Programs that behave.


def test_descriptors_keep_their_numbers_and_end_with_the_program(any_level: Level) -> None:
    """No wrapper may hold a copy: the judge learns of the program's end by the end of the channel."""
    source = """
import os, socket, sys
own = [number for number in range(256) if os.path.exists(f"/proc/self/fd/{number}")]
socket.socket(fileno=int(sys.argv[1])).sendall(f"{own}".encode())
"""
    ours, theirs = socket.socketpair()
    moved = 77
    os.dup2(theirs.fileno(), moved, inheritable=False)
    theirs.close()
    with ours, launched(source, any_level, moved, descriptors=[moved]):
        os.close(moved)
        ours.settimeout(PATIENCE)
        assert ours.recv(100) == b"[0, 1, 2, 77]"
        assert ours.recv(100) == b""


def test_a_program_has_a_session_of_its_own() -> None:
    """So no terminal either, neither to read from nor to be interrupted by."""
    assert run("import os; print(os.getsid(0) == os.getpid())", Level.NONE).said == "True"
    assert run("open('/dev/tty')", Level.NONE).complained.endswith("No such device or address: '/dev/tty'")
    assert run("import sys; print(repr(sys.stdin.read()))", Level.NONE).said == "''"


def test_the_environment_is_ours_alone(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_KEY", "a secret")
    ended = run("import os; print(sorted(os.environ))", level, environment={"EXTRA": "1"})
    expected = {"EXTRA", "HOME", "LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"}
    extra = {"PWD"} if level is Level.BUBBLEWRAP else {"TMPDIR", "DOWNSTACK_RUN"}
    assert ended.said == str(sorted(expected | extra))


def test_a_program_can_be_in_the_network_of_another_process(any_level: Level) -> None:
    unshared = ["unshare", "--net", "--", "sh", "-c", "echo ready; exec sleep 1000"]
    with subprocess.Popen(unshared, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as holder:
        assert holder.stdout is not None
        try:
            if holder.stdout.readline().strip() != b"ready":
                pytest.skip("only root can enter the network of another process")
            network = os.readlink(f"/proc/{holder.pid}/ns/net")
            source = "import os; print(os.readlink('/proc/self/ns/net'))"
            assert run(source, any_level, network=holder.pid).said == network
            if any_level is not Level.NONE:
                assert run(source, any_level).said != network
        finally:
            holder.kill()


def test_a_folder_that_cannot_be_handed_over_is_named(level: Level, ground: Path) -> None:
    with pytest.raises(Unavailable, match="no such file or folder"):
        run("", level, readable=[ground / "missing"])
    ground.chmod(0o700)
    if accounts.may_change_uid():
        with pytest.raises(Unavailable, match=f"{ground}, which has mode 0700"):
            run("", level, readable=[ground])
    else:
        assert run("", level, readable=[ground]).how == "exited with 0"


def test_a_folder_below_a_closed_one_can_be_handed_over(ground: Path) -> None:
    """As root, too: a checkout may lie in /root. And whatever is closed to others by default."""
    inner = ground / "closed" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").write_text("text")
    (ground / "closed").chmod(0o700)
    source = "import sys; print(open(sys.argv[1]).read())"
    former = os.umask(0o077)
    try:
        assert run(source, available(Level.BUBBLEWRAP), inner / "file", readable=[inner]).said == "text"
    finally:
        os.umask(former)


def test_the_best_level_is_one_that_works() -> None:
    best, why = sandbox.best_level()
    assert run("print('works')", best).said == "works"
    assert best is Level.BUBBLEWRAP or why


def test_bubblewrap_is_used_wherever_it_works() -> None:
    """Tests that skip for want of a level would not notice that we had broken it."""
    bare = [
        "bwrap",
        "--unshare-user",
        "--unshare-pid",
        "--unshare-net",
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "true",
    ]
    try:
        works = subprocess.run(bare, capture_output=True, timeout=PATIENCE).returncode == 0
    except FileNotFoundError:
        works = False
    assert bool(sandbox.why_not(Level.BUBBLEWRAP)) is not works


def test_no_level_is_claimed_without_its_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, **_: None)
    sandbox.why_not.cache_clear()
    sandbox.best_level.cache_clear()
    try:
        best, why = sandbox.best_level()
    finally:
        sandbox.why_not.cache_clear()
        sandbox.best_level.cache_clear()
    assert best is Level.NONE
    assert "install" in why


# The same as somebody else, and inside an enclave.

AS_PLAIN_USER = ["setpriv", f"--reuid={PLAIN_USER}", f"--regid={PLAIN_USER}", "--clear-groups", "--"]
UNSHARE = ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
LOOPBACK = ["--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
ENCLAVE = [*UNSHARE, *LOOPBACK]
IN_ENCLAVES = "bomb or daemon or moment or minus_one or secrets or network or descriptors"
PLAIN_ENCLAVE = [*UNSHARE, "--map-root-user", *LOOPBACK]


@pytest.mark.skipif(NESTED in os.environ, reason="this is the inner run")
@pytest.mark.parametrize(
    ("prefix", "which"),
    [
        (AS_PLAIN_USER, "not endless_loop"),
        ([*AS_PLAIN_USER, *PLAIN_ENCLAVE], IN_ENCLAVES),
        (ENCLAVE, IN_ENCLAVES),
    ],
    ids=["plain user", "plain user's enclave", "root's enclave"],
)
def test_the_same_holds_for(prefix: Sequence[str], which: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    if subprocess.run([*prefix, sys.executable, "-c", "import labs"], cwd=CHECKOUT, capture_output=True).returncode:
        pytest.skip(f"{prefix[-2]} cannot run {sys.executable} in {CHECKOUT}")
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, PLAIN_USER if prefix[0] == "setpriv" else 0, -1)
        inner = ["timeout", "-s", "KILL", "60", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                 "-k", which, f"--basetemp={folder}/base", str(Path(__file__))]  # fmt: skip
        environment = {**os.environ, NESTED: "1", "HOME": folder}
        ended = subprocess.run([*prefix, *inner], cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "passed" in ended.stdout


def test_without_a_sandbox_a_program_is_at_home_where_its_user_is() -> None:
    """A cache in a /tmp that all users share would be somebody else's: not ours to write, and not to be trusted."""
    ended = run("import os; print(os.environ['HOME'])", Level.NONE)
    assert ended.said == str(Path.home())
