"""An enclave hands back what its function does, and leaves nothing behind, however it ends."""

import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labs.testbed import enclave, kernel, netlink

ROOT = Path(__file__).parents[3]
NOBODY = 65534
PR_SET_DUMPABLE = 4

pytestmark = pytest.mark.skipif(enclave.available() is not None, reason=str(enclave.available()))


class Interrupted(Exception):
    """Raised inside, to be seen outside."""


def test_hands_back_a_result_as_large_as_it_likes() -> None:
    assert enclave.call(lambda size: b"x" * size, 3_000_000) == b"x" * 3_000_000


def test_hands_back_an_exception() -> None:
    def fail() -> None:
        raise Interrupted("on purpose")

    with pytest.raises(Interrupted, match="on purpose"):
        enclave.call(fail)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (lambda: os._exit(3), "exit code 3"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "signal 9"),
        (lambda: lambda: None, "cannot be handed back"),
    ],
)
def test_says_how_it_died_without_a_result(ending: Callable[[], object], words: str) -> None:
    with pytest.raises(enclave.EnclaveDied, match=words):
        enclave.call(ending)


def test_has_processes_links_and_temporary_files_of_its_own() -> None:
    def look() -> tuple[int, list[str], Path, str]:
        with tempfile.NamedTemporaryFile(delete=False) as file:
            return os.getpid(), os.listdir("/sys/class/net"), Path(file.name), os.uname().nodename

    process, links, temporary, hostname = enclave.call(look)
    assert (process, hostname) == (2, "downstack")
    assert "lo" in links
    assert "eth0" not in links
    assert not temporary.exists()


def test_no_zombies_are_left_to_the_function() -> None:
    def orphan_twenty() -> int:
        for _ in range(20):
            if (child := os.fork()) == 0:
                os.fork() and os._exit(0)  # the grandchild is an orphan, and ends at once
                os._exit(0)
            os.waitpid(child, 0)
        deadline = time.monotonic() + 5
        while (left := len([name for name in os.listdir("/proc") if name.isdigit()])) > 2:
            assert time.monotonic() < deadline, f"{left} processes are left"
            time.sleep(0.002)
        return left

    assert enclave.call(orphan_twenty) == 2


def test_two_at_once_may_use_the_same_names_and_addresses() -> None:
    meeting, arrive = os.pipe()

    def build_and_meet(other: int, own: int) -> bool:
        with netlink.Netlink() as here, Path("/proc/self/ns/net").open() as space:
            here.add_veth("twin", "other", peer_namespace=space.fileno(), address="02:00:00:00:01:00")
            here.add_address("twin", "10.0.0.1/24")
        os.write(own, b"!")
        return select.select([other], [], [], 10) != ([], [], []) and "twin" in os.listdir("/sys/class/net")

    back, forth = os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(0 if enclave.call(build_and_meet, meeting, forth) else 1)
    try:
        assert enclave.call(build_and_meet, back, arrive)
    finally:
        _, status = os.waitpid(child, 0)
    assert status == 0


def test_an_interrupt_reaches_the_function_once_and_lets_it_clean_up() -> None:
    script = """if True:
        import time
        from labs.testbed import enclave
        def work():
            try:
                print("ready", flush=True)
                time.sleep(30)
            finally:
                print("cleaned up", flush=True)
        try:
            enclave.call(work)
        except KeyboardInterrupt:
            print("interrupted")
    """
    for send in (os.kill, os.killpg):  # to the caller alone; to all at once, as a terminal does
        with subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            send(process.pid, signal.SIGINT)
            output, _ = process.communicate(timeout=10)
        assert output == "cleaned up\ninterrupted\n"


# Ended by kill -9.


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    kernel.libc().prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # as a process that was started by that user is


def _live(alive: int, link: str) -> None:
    """Make links, a second network namespace and two processes, say so, and stay."""
    if os.fork() == 0:
        kernel.unshare(kernel.CLONE_NEWNET)
        signal.pause()
    with netlink.Netlink() as here, Path("/proc/self/ns/net").open() as space:
        here.add_veth(link, f"{link}p", peer_namespace=space.fileno())
        here.add_bridge(f"{link}b")
    subprocess.Popen(["sleep", "60"], pass_fds=[alive])
    os.write(alive, os.readlink("/proc/self/ns/net").encode())
    signal.pause()


def _children(process: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def _survivors(space: str) -> list[str]:
    """Who is still in a network namespace, by link or by mount."""
    users = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "ns/net") == space:
                users.append(process.name)
        except OSError:
            continue
    return users + [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f" {space} " in line]


def _start(user: Callable[[], None], link: str) -> tuple[int, int]:
    """Start an enclave in a process of its own; return that process, and a pipe's read end.

    Every process that the enclave ever starts holds the write end: the pipe's end is the proof that all are gone.
    """
    watched, alive = os.pipe()
    caller = os.fork()
    if caller == 0:
        os.close(watched)
        os.setpgid(0, 0)
        user()
        try:
            enclave.call(_live, alive, link)
        finally:
            os._exit(1)
    os.close(alive)
    return caller, watched


def _read_to_the_end(watched: int, caller: int, when: str) -> str:
    """What the enclave said before all of its processes were gone; fails when some are left."""
    said = b""
    with open(watched, "rb", buffering=0) as stream:
        while select.select([stream], [], [], 5) != ([], [], []):
            if not (data := stream.read(4096)):
                return said.decode()
            said += data
    os.killpg(caller, signal.SIGKILL)
    pytest.fail(f"processes are left 5 s after {when}")


def _kill_at(moment: float, target: str, user: Callable[[], None], link: str) -> bool:
    """Start an enclave, kill one side of it after `moment` seconds, and check that nothing is left.

    Return whether the enclave had come to life before the kill.
    """
    caller, watched = _start(user, link)
    time.sleep(moment)
    wardens = _children(caller) if target == "warden" else []  # there may be none yet
    for victim in wardens or [caller]:
        os.kill(victim, signal.SIGKILL)
    space = _read_to_the_end(watched, caller, f"the {target} was killed at {moment * 1000:.1f} ms")
    os.waitpid(caller, 0)
    if space:
        assert _survivors(space) == []
    assert not [name for name in os.listdir("/sys/class/net") if name.startswith(link)]
    return bool(space)


def _seconds_to_come_alive(user: Callable[[], None], link: str) -> float:
    """How long an enclave takes on this machine, busy as it is."""
    began = time.monotonic()
    caller, watched = _start(user, link)
    assert select.select([watched], [], [], 30)[0], "the enclave does not come to life"
    taken = time.monotonic() - began
    os.kill(caller, signal.SIGKILL)
    _read_to_the_end(watched, caller, "the caller was killed")
    os.waitpid(caller, 0)
    return taken


def _moments(count: int, alive_after: float) -> Iterator[tuple[float, str]]:
    """Moments in seconds: a third of them in the first 6 ms, the rest until well after all is alive."""
    draw = random.Random(7)
    for number in range(count):
        moment = draw.uniform(0, 0.006) if number % 3 == 0 else draw.uniform(0.006, 3 * alive_after)
        yield moment, "warden" if number % 4 == 3 else "caller"


@pytest.mark.parametrize("count", [15, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("user", ["root", "nobody"])
def test_kill_9_at_any_moment_leaves_nothing(count: int, user: str) -> None:
    if os.geteuid() != 0 and user == "root":
        pytest.skip("only root can be root")
    become = _become_nobody if user == "nobody" and os.geteuid() == 0 else lambda: None
    link = f"k{os.getpid() % 10000}"
    alive_after = _seconds_to_come_alive(become, link)
    lived = [_kill_at(moment, target, become, link) for moment, target in _moments(count, alive_after)]
    assert any(lived), "no moment was late enough to find the enclave alive"
    assert not all(lived), "no moment was early enough to find it half built"


def test_works_for_a_plain_user_with_a_checkout_of_their_own() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    folder = Path(tempfile.mkdtemp(prefix="checkout", dir="/tmp"))
    become = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    try:
        shutil.copytree(ROOT / "labs" / "testbed", folder / "labs" / "testbed", ignore=shutil.ignore_patterns("*.pyc"))
        (folder / "labs" / "__init__.py").touch()
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        program = "from labs.testbed import enclave; import os; print(enclave.call(os.getuid), os.getuid())"
        result = subprocess.run(
            [*become, "/usr/bin/python3", "-c", program], cwd=folder, capture_output=True, text=True, timeout=20
        )
    finally:
        shutil.rmtree(folder)
    assert (result.stdout, result.stderr) == (f"0 {NOBODY}\n", "")
