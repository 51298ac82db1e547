"""A process that has everything imported, and forks a program each time it is asked.

Starting Python with trio takes a sixth of a second, a fork of this process some milliseconds. One zygote serves one
student (and, in a sandbox, one host of theirs). It obeys whoever holds the other end of its control socket, a request
and an answer at a time, each a line of JSON; a request to run comes with the program's descriptors.

    {"run": true, "command": []}  + channel, output, link sockets …   → {"pid": 7}
    {"stood": 7}   how long the program has waited for a processor    → {"seconds": 0.25}
    {"dump": 7}    the program writes where it is stuck to its output   → {}
    {"signal": 7, "number": 15}    signal it and its children         → {}
    {"end": 7, "signal": 9, "patience": 0.5}    signal it and its children, unless it ends by itself within
                   so many seconds, and wait for it → {"status": 1}, or {"status": null} where it had to be signalled
    {"fork": ["/a/folder"]}  + a control socket    another zygote like this one, for programs that lie elsewhere   → {}

Run as `python -P -s -S zygote.py SETTINGS`, where SETTINGS is JSON: `path` (for sys.path), `roots` (where programs
lie), `preload` (modules), `control` (a descriptor), `compiled` (a folder for bytecode), `cpu_seconds`.

What programs share is imported here, and what is theirs alone is compiled here, before the first of them runs: by a
process that does nothing else, for a hostile file may break whatever compiles it.

It ends when its control socket does, and its programs with it. On Linux it starts itself once more with addresses that
are not random, since a set of objects that have no hash of their own (`None` is one, before Python 3.12) is gone
through in the order of their addresses.
"""

import ctypes
import gc
import importlib.util
import json
import os
import py_compile
import resource
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib.machinery import FileFinder
from pathlib import Path
from typing import Any

MOST_DESCRIPTORS = 32
COMPILE_WITHIN = 5  # seconds of processor time
# From <sys/personality.h> and <sys/prctl.h>.
ADDR_NO_RANDOMIZE = 0x0040000
ASK_PERSONALITY = 0xFFFFFFFF
PR_SET_PDEATHSIG = 1


def main() -> None:
    _settle_addresses()
    settings = json.loads(sys.argv[1])
    sys.path[:0] = settings["path"][:1]
    sys.path.extend(settings["path"][1:])
    for module in ("labs.testbed.program.boot", *settings["preload"]):
        __import__(module)
    sys.pycache_prefix = str(Path(settings["compiled"]).expanduser())
    control = socket.socket(fileno=settings["control"])
    _serve(control, settings)


def _serve(control: socket.socket, settings: dict[str, Any]) -> None:
    """Get ready for programs that lie in the settings' roots, say so, and obey until nobody asks any more."""
    sys.path.extend(settings["roots"])
    _compile(settings["roots"])
    importlib.util.find_spec("what_nobody_has")  # so that it is known what lies in each folder
    gc.freeze()  # a program's collector leaves alone what is shared with this process, or it would be copied
    control.send(b"{}\n")
    while request := _receive(control):
        answer = _obey(*request, control, settings)
        control.sendall(json.dumps(answer).encode() + b"\n")


def _compile(roots: list[str]) -> None:
    """Keep the bytecode of all that lies in `roots`; a file that cannot be compiled is its program's trouble."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (COMPILE_WITHIN, COMPILE_WITHIN + 1))
        for file in (file for root in roots for file in Path(root).glob("*.py") if file.is_file()):
            with suppress(Exception):
                py_compile.compile(str(file), doraise=True)
    finally:
        os._exit(0)


def _settle_addresses() -> None:
    """Start again with the same addresses as always, unless that is so already, or this system will not have it."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    persona = libc.personality(ASK_PERSONALITY)
    if not persona & ADDR_NO_RANDOMIZE and libc.personality(persona | ADDR_NO_RANDOMIZE) != -1:
        os.execv(sys.executable, sys.orig_argv)


def _receive(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    data, descriptors, _, _ = socket.recv_fds(control, 1 << 16, MOST_DESCRIPTORS)
    while data and not data.endswith(b"\n"):
        data += control.recv(1 << 16)
    return (json.loads(data), descriptors) if data else None


def _obey(request: dict[str, Any], descriptors: list[int], control: socket.socket, settings: dict[str, Any]) -> object:
    match request:
        case {"run": True, "command": list(command)}:
            return {"pid": _fork(command, descriptors, control, settings)}
        case {"fork": list(roots)}:
            _fork_zygote(roots, descriptors, control, settings)
            return {}
        case {"dump": int(pid)}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)
            return {}
        case {"stood": int(pid)}:
            return {"seconds": _stood(pid)}
        case {"signal": int(pid), "number": int(number)}:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
            return {}
        case {"end": int(pid), "signal": int(number), "patience": float(patience)}:
            return {"status": _end(pid, number, patience)}
    return {"error": "unknown request"}


def _fork(command: list[str], descriptors: list[int], control: socket.socket, settings: dict[str, Any]) -> int:
    zygote = os.getpid()
    pid = os.fork()
    if pid:
        for descriptor in descriptors:
            os.close(descriptor)
        return pid
    status = 1
    try:
        control.close()
        _die_with(zygote)
        _become_program(command, descriptors, settings)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


_forked: list[int] = []  # zygotes that have not been waited for


def _fork_zygote(roots: list[str], descriptors: list[int], control: socket.socket, settings: dict[str, Any]) -> None:
    """Another zygote, which obeys whoever holds the other end of the socket that came with the request."""
    zygote = os.getpid()
    if pid := os.fork():
        os.close(*descriptors)
        _forked[:] = [pid, *(each for each in _forked if os.waitpid(each, os.WNOHANG) == (0, 0))]
        return
    try:
        control.close()
        _die_with(zygote)
        sys.path[:] = [place for place in sys.path if place not in settings["roots"]]
        _serve(socket.socket(fileno=descriptors[0]), {**settings, "roots": roots})
    finally:
        os._exit(0)


def _die_with(zygote: int) -> None:
    """Have the kernel kill this process when the zygote has ended, even if it runs in circles then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != zygote:  # it ended just before
            os._exit(0)


def _stood(pid: int) -> float:
    """Seconds that a process was ready to run and did not get a processor (proc(5), schedstat); 0.0 where unknown."""
    try:
        _, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    except (OSError, ValueError):
        return 0.0
    return int(waited) / 1e9


def _become_program(command: list[str], descriptors: list[int], settings: dict[str, Any]) -> None:
    os.setsid()
    channel, output, *links = descriptors
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    _, allowed = resource.getrlimit(resource.RLIMIT_CPU)
    seconds = settings["cpu_seconds"] if allowed == resource.RLIM_INFINITY else min(settings["cpu_seconds"], allowed)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, allowed))
    if command:
        os.set_inheritable(channel, True)
        os.execvpe(command[0], command, {**os.environ, "DOWNSTACK_CHANNEL": str(channel)})
    from labs.testbed.program import boot

    _forget_what_lay_in(settings["roots"])
    boot.run(
        socket.socket(fileno=channel),
        [socket.socket(fileno=link) for link in links],
        [Path(root) for root in settings["roots"]],
    )


def _forget_what_lay_in(roots: list[str]) -> None:
    """Have the program look into `roots` itself: a folder's date does not tell that it was changed since, if copied."""
    for root in roots:
        finder = sys.path_importer_cache.get(root)
        if isinstance(finder, FileFinder):
            finder.invalidate_caches()


def _end(pid: int, number: int, patience: float) -> int | None:
    """Signal the program's whole session, and wait for the program; return its status if it had ended by itself."""
    deadline = time.monotonic() + patience
    try:
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None and time.monotonic() < deadline:
            time.sleep(0.001)
        by_itself = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    except ChildProcessError:
        return None  # asked a second time
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            kill(pid, number)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if by_itself else None


if __name__ == "__main__":
    main()
