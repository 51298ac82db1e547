"""A fresh set of namespaces in which an emulated network lives, and with which it disappears.

`call(function, …)` runs a function there, in a forked child, and hands back what it returns or raises:

    caller ── forks ── warden ── forks ── first process ── forks ── worker: function(…)
                       (unshares)         (PID 1 inside)

The warden exists because a process cannot move into a PID namespace itself, only its children can. The first process
sets up what is private to the enclave, then does nothing but reap; when it ends, the kernel kills every process inside
and takes the links, bridges, mounts and temporary files along. So there is nothing to clean up, ever, and two enclaves
with the same addresses never meet.

What always holds: the enclave ends when the caller or the warden does, even by `kill -9` at any moment. The first
process watches both through pidfds that were opened *before* it was forked. They have no race, which a "parent death
signal" has (the parent may be gone before the child asks for one), and no copy of them keeps anybody alive, as the
write end of a pipe would in any process that another thread happens to fork meanwhile.

A plain user gets a user namespace, where the user is root over the enclave and over nothing else. Left out: cgroups.
"""

import os
import pickle
import select
import signal
import socket
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from labs.testbed import kernel, netlink

T = TypeVar("T")

_OWN = kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWPID | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC
_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_TEMPORARY = Path("/run/tmp")
_SHARED = Path("/run/downstack")  # where sandboxes lock the users that they give to programs, on the whole machine
_TOOLS = Path(__file__).parent / "bin"
_INTERRUPT = {signal.SIGINT}
_SAME_INTERRUPT = 0.2  # seconds: a terminal's Ctrl-C and the copy that the caller forwards count as one


class Unavailable(Exception):
    """This machine does not let us make an enclave; the text is the reason, in plain words."""


class EnclaveDied(Exception):
    """The enclave ended before its function did."""


def call(function: Callable[..., T], *arguments: Any) -> T:
    """Run `function(*arguments)` in an enclave of its own; return its result or raise its exception.

    It runs in a forked child: it sees all of the caller's memory, and changes none of it. Results and exceptions come
    back pickled. The terminal and the standard streams are the caller's; Ctrl-C raises KeyboardInterrupt inside.
    """
    lifeline = os.pidfd_open(os.getpid())
    answers, answer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    # Blocked until there is somebody to forward it to, in each of the processes, so that no Ctrl-C is lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from 3.12 on, where the caller has other threads
        warden = os.fork()
    if warden == 0:
        os.close(answers)
        _ward(lifeline, answer, function, arguments)
    os.close(answer)
    os.close(lifeline)
    try:
        with _forwarding_interrupts_to(warden), open(answers, "rb") as stream:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPT)
            reply = stream.read()
    except BaseException:
        os.kill(warden, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(warden, 0)
    result: T = _unpack(reply, os.waitstatus_to_exitcode(status))
    return result


@cache
def available() -> str | None:
    """Say why no enclave can be had here, in plain words, or None when one can: by making one."""
    if sys.platform != "linux":
        return "an emulated network needs Linux"
    try:
        call(os.getpid)
    except (Unavailable, EnclaveDied, OSError) as problem:
        return str(problem)
    return None


# The caller's side.


@contextmanager
def _forwarding_interrupts_to(warden: int) -> Iterator[None]:
    """Let Ctrl-C interrupt the worker, not the caller: the worker may clean up, or, as Mininet's prompt, go on."""
    try:
        former = signal.signal(signal.SIGINT, lambda *_: os.kill(warden, signal.SIGINT))
    except ValueError:  # not the main thread, so no signal reaches us here
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def _unpack(reply: bytes, code: int) -> Any:
    try:
        outcome, value = pickle.loads(reply)  # written by our own fork, unless it died first
    except (EOFError, pickle.UnpicklingError):
        ended = f"by signal {code - 128}" if code > 128 else f"with exit code {code}"
        raise EnclaveDied(f"the enclave's process ended {ended} before it gave a result") from None
    if outcome == "raised":
        raise value
    return value


def _pack(outcome: str, value: Any) -> bytes:
    try:
        packed = pickle.dumps((outcome, value))
        pickle.loads(packed)
    except Exception as problem:
        text = "".join(traceback.format_exception(value)) if outcome == "raised" else repr(value)
        return pickle.dumps(("raised", EnclaveDied(f"cannot be handed back ({problem}): {text}")))
    return packed


# The warden.


def _ward(lifeline: int, answer: int, function: Callable[..., Any], arguments: Sequence[Any]) -> NoReturn:
    """Make the namespaces and the first process in them, and end as it ends."""
    try:
        own_lifeline = os.pidfd_open(os.getpid())
        _unshare()
        first = os.fork()
        if first == 0:
            _be_first((lifeline, own_lifeline), answer, function, arguments)
        os.close(answer)
        _forward_interrupts_to(first)
        _, status = os.waitpid(first, 0)
        os._exit(_as_exit_code(status))
    except BaseException as problem:
        os.write(answer, _pack("raised", problem))
    finally:
        os._exit(1)


def _forward_interrupts_to(child: int) -> None:
    signal.signal(signal.SIGINT, lambda *_: os.kill(child, signal.SIGINT))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPT)


def _as_exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _unshare() -> None:
    """Enter fresh namespaces; as a plain user, or a root who may not, inside a fresh user namespace."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        try:
            kernel.unshare(_OWN)
        except PermissionError:
            pass  # a container's root often may do as little as a plain user
        else:
            return
    try:
        kernel.unshare(_OWN | kernel.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    except OSError as problem:
        raise Unavailable(_reason(problem)) from None


def _reason(problem: OSError) -> str:
    """Why a plain user gets no namespaces, as far as the machine tells."""
    if _APPARMOR.exists() and _APPARMOR.read_text().strip() != "0":
        return (
            "AppArmor forbids plain users to make namespaces (kernel.apparmor_restrict_unprivileged_userns is 1); "
            "run as root, or ask the administrator to allow it"
        )
    for setting in ("user/max_user_namespaces", "kernel/unprivileged_userns_clone"):
        path = Path("/proc/sys") / setting
        if path.exists() and path.read_text().strip() == "0":
            return f"plain users may not make namespaces here ({setting.replace('/', '.')} is 0)"
    return f"the kernel refuses to make namespaces: {problem.strerror}; in a container, allow user namespaces"


# The first process, and the worker.


def _be_first(
    lifelines: Sequence[int], answer: int, function: Callable[..., Any], arguments: Sequence[Any]
) -> NoReturn:
    try:
        kernel.name_process("enclave")
        _furnish()
        worker = os.fork()
        if worker == 0:
            _work(answer, function, arguments)
        os.close(answer)
        _forward_interrupts_to(worker)
        os._exit(_as_exit_code(_reap_until_end_of(worker, lifelines)))
    except OSError as problem:
        os.write(answer, _pack("raised", Unavailable(_reason(problem))))
    finally:
        os._exit(1)


def _furnish() -> None:
    """Give the enclave its own view of processes and devices, folders for temporary files, and a loopback."""
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    guarded = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("proc", "/proc", "proc", guarded | kernel.MS_NOEXEC)
    kernel.mount("sysfs", "/sys", "sysfs", guarded | kernel.MS_NOEXEC)
    with _kept_visible(_SHARED):
        kernel.mount("tmpfs", "/run", "tmpfs", guarded, "mode=755")
    Path("/run/netns").mkdir()
    _TEMPORARY.mkdir(mode=0o1777)
    socket.sethostname("downstack")
    with netlink.Netlink() as here:
        here.change("lo", up=True)


@contextmanager
def _kept_visible(folder: Path) -> Iterator[None]:
    """Show a folder again, made if need be, where it is about to be covered."""
    with suppress(OSError):  # a plain user cannot make it, nor needs it
        folder.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        yield
        return
    before = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    yield
    folder.mkdir()
    kernel.mount(f"/proc/self/fd/{before}", str(folder), flags=kernel.MS_BIND)
    os.close(before)


def _reap_until_end_of(worker: int, lifelines: Sequence[int]) -> int:
    """Wait for every process that ends here, until the worker has: its status. Exit when a lifeline ends."""
    awake, wake = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    for descriptor in (awake, *lifelines):
        poll.register(descriptor, select.POLLIN)
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == worker:
            return status
        if ended:
            continue
        if any(descriptor in lifelines for descriptor, _ in poll.poll()):
            os._exit(1)
        os.read(awake, 4096)


def _work(answer: int, function: Callable[..., Any], arguments: Sequence[Any]) -> NoReturn:
    code = 1
    try:
        _interrupt_once()
        tempfile.tempdir = None
        os.environ["TMPDIR"] = str(_TEMPORARY)
        os.environ["PATH"] = f"{_TOOLS}:{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
        try:
            reply = _pack("returned", function(*arguments))
        except BaseException as problem:
            reply = _pack("raised", problem)
        with open(answer, "wb") as stream:
            stream.write(reply)
        sys.stdout.flush()
        sys.stderr.flush()
        code = 0
    finally:
        os._exit(code)


def _interrupt_once() -> None:
    """Raise KeyboardInterrupt at SIGINT, once for the several copies of one Ctrl-C."""
    latest = 0.0

    def interrupted(*_: object) -> None:
        nonlocal latest
        now = time.monotonic()
        again, latest = now - latest < _SAME_INTERRUPT, now
        if not again:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupted)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPT)
