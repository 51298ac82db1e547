"""The cast of a play: where programs come from, and the processes in which they run.

A `Cast` belongs to one submission. It stages the packages that a program may import (without the answers), keeps a
zygote ready, starts programs from it, and leaves nothing behind when it is closed. In a sandbox each host of a play has
a zygote of its own, so that two programs of one student have nothing in common but the wire.
"""

import fcntl
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from labs.imports import CHECKOUT, PACKAGES
from labs.testbed import sandbox
from labs.testbed.output import Tail, drain
from labs.testbed.sandbox import Confined, Level
from labs.testbed.scene import Program

RUNTIME = ("labs/__init__.py", "labs/testbed/__init__.py", "labs/testbed/channel.py")
START_WITHIN = 30.0  # seconds for a zygote to import all it should; a busy machine is slow, not broken
ANSWER_WITHIN = 10.0  # seconds for a zygote to do what it is asked
LONGEST_ANSWER = 1 << 12  # bytes
LAST_WORDS = 1.0  # seconds that a program has to end, once it says that it does or has been asked to
DUMP_WITHIN = 0.5  # seconds in which a program tells where it is, or goes on telling it (see `boot`)
MOST_OF_A_DUMP = 1 << 20  # bytes
COMPILED = "~/.compiled"  # in a sandbox, where a program is at home
_OURS = re.compile(rb"^(?:from|import) ((?:%s)\.[\w.]+)" % b"|".join(map(str.encode, PACKAGES)), re.MULTILINE)
_DUMP = re.compile(rb"(?:Stack|(?:Current t|T)hread 0x[^\n]*) \(most recent call first\):\n")


class CastError(Exception):
    """A program could not be started at all; the text says why."""


@dataclass(slots=True)
class Running:
    """A program's process as the judge sees it: its channel, its output, and the means to end it.

    `output` keeps the first and last of what it wrote. Ending it is idempotent.
    """

    pid: int
    channel: socket.socket
    output: Tail
    output_fd: int
    _zygote: "_Zygote"
    _status: int | None = None
    _has_told: bool = False

    def fileno(self) -> int:
        """The descriptor of the channel, for `select`."""
        return self.channel.fileno()

    def read_output(self) -> bool:
        """Take in what the program has written so far; False once it can write no more."""
        data = drain(self.output_fd) if self.output_fd >= 0 else None
        if data is None:
            return False
        if not self._has_told:
            self.output.feed(data)
        return True

    def read_to_the_end(self, within: float = LAST_WORDS) -> None:
        """Take in what the program writes until it can write no more, or for `within` real seconds.

        A program that has said its `End` may still have something in a buffer, which is written when its process exits.
        """
        deadline = time.monotonic() + within
        while not (self._has_told or self.output.exceeded or self.output_fd < 0):
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self.output_fd], [], [], left)[0] or not self.read_output():
                return

    def where_stuck(self) -> str:
        """Ask the process where it is; return the innermost line of its traceback that is the program's own, or "".

        Whatever it prints from now on is not taken for the program's output.
        """
        with suppress(CastError):
            self._zygote.ask({"dump": self.pid})
        seen, line = b"", ""
        while not line and len(seen) < MOST_OF_A_DUMP and select.select([self.output_fd], [], [], DUMP_WITHIN)[0]:
            data = drain(self.output_fd)
            if not data:
                break
            seen += data
            _, *dump = _DUMP.split(seen, maxsplit=1)
            line = self._zygote.own_line(b"".join(dump).decode("utf-8", "replace"))
        self.output.feed(_DUMP.split(seen, maxsplit=1)[0])
        self._has_told = True
        return line

    def stood(self) -> float:
        """Real seconds for which the process has been ready to run without getting a processor, so far."""
        with suppress(CastError):
            seconds = self._zygote.ask({"stood": self.pid}).get("seconds")
            return seconds if isinstance(seconds, float) else 0.0
        return 0.0

    def signal(self, number: int) -> None:
        """Send a signal to the program and all that it started; nothing happens when it is gone."""
        with suppress(CastError):
            self._zygote.ask({"signal": self.pid, "number": number})

    def end(self, signal: int = 9, *, patience: float = 0.0) -> int | None:
        """Signal the program and all that it started, and wait until it is gone. May be called twice.

        Return its exit status (negative: a signal) if it ended by itself, within `patience` real seconds; else None.
        """
        if self.output_fd >= 0:
            with suppress(CastError):
                answer = self._zygote.ask({"end": self.pid, "signal": signal, "patience": patience})
                status = answer.get("status")
                self._status = status if isinstance(status, int) else None
            self.channel.close()
            self.read_to_the_end(within=0)
            os.close(self.output_fd)
            self.output_fd = -1
        return self._status


@dataclass(slots=True)
class _Zygote:
    process: Confined | None  # one that another has forked ends when its control socket does
    control: socket.socket
    roots: Sequence[Path]
    broken: bool = False

    def ask(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        """One request, one answer; raises `CastError` when the zygote is gone, which only a program can have done."""
        if self.broken:
            raise CastError("the program's process group has gone away")
        try:
            socket.send_fds(self.control, [json.dumps(request).encode() + b"\n"], descriptors)
            return self._answer()
        except (OSError, ValueError, RecursionError) as error:
            self.broken = True  # whatever it still answers belongs to this question
            raise CastError(f"the program's process group has gone away ({error})") from None

    def wait_ready(self) -> None:
        self._answer()

    def _answer(self) -> dict[str, Any]:
        data = b""
        while not data.endswith(b"\n"):
            chunk = self.control.recv(LONGEST_ANSWER)
            if not chunk or len(data) > LONGEST_ANSWER:
                raise OSError("no answer")
            data += chunk
        answer = json.loads(data)
        return answer if isinstance(answer, dict) else {}

    def own_line(self, dump: str) -> str:
        """The innermost line of a `faulthandler` dump that lies in the lab's or the student's files; "" as yet."""
        # It writes a letter beyond ASCII as an escape, whereas `boot` writes the letter itself.
        roots = [(str(root), str(root).encode("ascii", "backslashreplace").decode()) for root in self.roots]
        for line in dump.splitlines(keepends=True):
            for root in chain.from_iterable(roots):
                if f'File "{root}/' in line and line.endswith("\n"):
                    return line.strip().replace(f"{root}/", "")
        return ""

    def close(self) -> None:
        self.control.close()
        if self.process is not None:
            sandbox.end(self.process)


def stage(target: Path, hidden: Iterable[str] = ()) -> Path:
    """Copy what a program may import to `target`: our packages but for the files `hidden` (`netstack/framing.py`)."""
    leave_out = {CHECKOUT / name for name in hidden}

    def ignore(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name == "__pycache__" or Path(folder, name) in leave_out]

    for package in PACKAGES:
        if (CHECKOUT / package).is_dir():
            shutil.copytree(CHECKOUT / package, target / package, ignore=ignore)
    shutil.copytree(CHECKOUT / "labs/testbed/program", target / "labs/testbed/program", ignore=ignore)
    for name in RUNTIME:
        shutil.copyfile(CHECKOUT / name, target / name)
    return target


_FOLDERS = "downstack-stage-"


def _locked_folder() -> tuple[Path, int]:
    """A new folder for everybody to read, and a lock on it that goes when this process does, even by `kill -9`."""
    new = Path(tempfile.mkdtemp(prefix="downstack-"))
    new.chmod(0o755)
    lock = os.open(new, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return new.rename(new.with_name(_FOLDERS + new.name.removeprefix("downstack-"))), lock


def _sweep() -> None:
    """Remove the folders of those that had no time to."""
    for folder in Path(tempfile.gettempdir()).glob(_FOLDERS + "*"):
        with suppress(OSError):  # it belongs to another user, or somebody else sweeps too
            lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


@dataclass(slots=True, kw_only=True)
class Cast:
    """Starts programs for one submission. Use it as a context manager.

    `own` is the student's folder, `given` the lab's; `hidden` are the files of our packages that hold the answers.
    `preload` names modules that are imported once, for all programs. Another `interpreter` finds our trio's packages,
    which are pure Python; a sandbox (level 1) shows it only if it lies in `/usr`.

    Without a sandbox a cast may be made from another that is `like` it but for `own`, and lasts longer: that one's
    zygote is forked, which costs a hundredth of a fresh one.
    """

    own: Path
    given: Path | None = None
    hidden: tuple[str, ...] = ()
    level: Level = Level.NONE
    preload: tuple[str, ...] = ()
    cpu_seconds: int = 20
    interpreter: str = sys.executable
    like: "Cast | None" = None
    _lock: int = -1
    folder: Path | None = field(default=None, init=False)
    _zygotes: dict[tuple[str, int | None], _Zygote] = field(default_factory=dict)
    _started: list[Running] = field(default_factory=list, init=False)

    def __enter__(self) -> Self:
        if self.like is not None:
            self.folder = self.like.folder
            return self
        _sweep()
        self.folder, self._lock = _locked_folder()
        try:
            stage(self.folder / "stage", self.hidden)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with ExitStack() as stack:  # whatever goes wrong with one, the others are closed too
            if self.folder is not None and self.like is None:
                stack.callback(os.close, self._lock)
                stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.folder = None
            stack.callback(self.close)

    def close(self) -> None:
        """End all programs, and what they were started from; the staged packages stay, for others to be started."""
        with ExitStack() as stack:
            while self._zygotes:
                stack.callback(self._zygotes.popitem()[1].close)
            for running in self._started:
                stack.callback(running.end)

    @property
    def roots(self) -> tuple[Path, ...]:
        """Where a program's file is looked for, in this order: the lab's folder, the student's, our drivers'."""
        assert self.folder is not None, "a Cast is used as a context manager"
        given = () if self.given is None else (self.given.resolve(),)
        return (*given, self.own.resolve(), self.folder / "stage/labs/testbed/program/drivers")

    def command(self, program: Program) -> tuple[str, ...]:
        """The command that runs `program`, its file by its full path; empty for one of ours, in Python."""
        found = (root / program.file for root in self.roots if (root / program.file).is_file())
        path = next(found, None) if program.file and program.command else None
        return program.command if path is None else (*program.command, str(path))

    def start(
        self,
        host: str,
        *,
        command: Sequence[str] = (),
        links: Sequence[int] = (),
        network: int | None = None,
        output_bytes: int = 1 << 20,
    ) -> Running:
        """Start a program's process on `host` and return it; the caller then sends `Start` down its channel.

        `links` are descriptors of packet sockets for it, `network` the process whose network namespace it lives in.
        """
        ours, theirs = socket.socketpair()
        reads, writes = os.pipe()
        os.set_blocking(reads, False)
        try:
            zygote = self._zygote(host, network)
            request = {"run": True, "command": list(command)}
            answer = zygote.ask(request, [theirs.fileno(), writes, *links])
            if "pid" not in answer:
                raise CastError(f"the program could not be started: {answer.get('error', 'no answer')}")
        except BaseException:
            ours.close()
            os.close(reads)
            raise
        finally:
            theirs.close()
            os.close(writes)
        running = Running(answer["pid"], ours, Tail(limit=output_bytes), reads, zygote)
        self._started = [*(other for other in self._started if other.output_fd >= 0), running]
        return running

    def _zygote(self, host: str, network: int | None) -> _Zygote:
        key = (host if self.level else "", network)
        if key in self._zygotes and self._zygotes[key].broken:
            self._zygotes.pop(key).close()  # an earlier program has killed or stopped it: this one gets another
        if key not in self._zygotes:
            self._zygotes[key] = self._launch(network)
        return self._zygotes[key]

    def _launch(self, network: int | None) -> _Zygote:
        ours, theirs = socket.socketpair()
        ours.settimeout(START_WITHIN)
        try:
            if self.like is None or network is not None:
                process = self._begin(theirs, network)
            else:
                self.like.warm().ask({"fork": [str(root) for root in self.roots]}, [theirs.fileno()])
                process = None
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        zygote = _Zygote(process, ours, self.roots)
        try:
            zygote.wait_ready()
            ours.settimeout(ANSWER_WITHIN)
        except (OSError, ValueError):
            zygote.close()
            raise CastError(
                "the process that runs programs did not start: `DOWNSTACK_DEBUG=1` shows what it says, "
                "`lab doctor` what this machine lacks"
            ) from None
        return zygote

    def another(self, own: Path) -> "Cast":
        """A cast like this one for the programs in `own`; this one must outlast it, and have no sandbox."""
        if self.level is not Level.NONE:
            raise ValueError("in a sandbox, nothing is shared with another submission")
        return replace(self, own=own, like=self, _lock=-1, _zygotes={})

    def forget_compiled(self) -> None:
        """Have the files in `own` compiled anew: two versions of one may be of the same second and the same length."""
        if self.folder is not None and self.level is Level.NONE:
            shutil.rmtree(self.folder / "compiled" / self.own.resolve().relative_to("/"), ignore_errors=True)

    def warm(self) -> _Zygote:
        """The zygote for this machine's own network, ready before the first program wants it."""
        return self._zygote("", None)

    def _begin(self, control: socket.socket, network: int | None) -> Confined:
        assert self.folder is not None
        staged = self.folder / "stage"
        settings = {
            "path": [str(staged), *_site_packages()],
            "roots": [str(root) for root in self.roots],
            "preload": [*self._imported_by_given(), *self.preload],
            "control": control.fileno(),
            "compiled": str(self.folder / "compiled") if self.level is Level.NONE else COMPILED,
            "cpu_seconds": self.cpu_seconds,
        }
        script = staged / "labs/testbed/program/zygote.py"
        return sandbox.launch(
            [self.interpreter, "-P", "-s", "-S", str(script), json.dumps(settings)],
            level=self.level,
            readable=[staged, *self.roots],
            descriptors=[control.fileno()],
            network=network,
            stdout=subprocess.DEVNULL,
            stderr=None if os.environ.get("DOWNSTACK_DEBUG") else subprocess.DEVNULL,
        )

    def _imported_by_given(self) -> list[str]:
        """Modules of our packages that the lab's programs import at their beginning: the same for every program."""
        files = () if self.given is None else self.given.glob("*.py")
        named = {name.decode() for file in files for name in _OURS.findall(file.read_bytes())}
        stage = self.roots[-1].parents[3]
        return [name for name in sorted(named) if (stage / name.replace(".", "/")).with_suffix(".py").is_file()]


def _site_packages() -> list[str]:
    paths = sysconfig.get_paths()
    return list(dict.fromkeys((paths["purelib"], paths["platlib"])))
