"""The cast of a play: where programs come from, and the processes in which they run.

A `Cast` belongs to one submission. It stages the packages that a program may import (without the answers), keeps a
zygote ready, starts programs from it, and leaves nothing behind when it is closed. In a sandbox each host of a play has
a zygote of its own, so that two programs of one student have nothing in common but the wire.
"""

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import labs
from labs.testbed import sandbox
from labs.testbed.output import Tail, drain
from labs.testbed.sandbox import Confined, Level

CHECKOUT = Path(labs.__file__).resolve().parent.parent
RUNTIME = ("labs/__init__.py", "labs/testbed/__init__.py", "labs/testbed/channel.py")
PACKAGES = ("netstack", "mesh")
START_WITHIN = 30.0  # seconds for a zygote to import all it should; a busy machine is slow, not broken


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
    _zygote: "_Zygote"
    _output_fd: int
    _status: int | None = None

    def fileno(self) -> int:
        return self.channel.fileno()

    @property
    def output_fd(self) -> int:
        return self._output_fd

    def read_output(self) -> bool:
        """Take in what the program has written so far; False once it can write no more."""
        data = drain(self._output_fd) if self._output_fd >= 0 else None
        if data is None:
            return False
        self.output.feed(data)
        return True

    def where_stuck(self) -> str:
        """Ask the process where it is; return the line of its traceback that is the program's own, or an empty text."""
        before = self.output.total
        self._zygote.ask({"dump": self.pid})
        deadline = time.monotonic() + 0.5
        while self.output.total == before and time.monotonic() < deadline:
            select.select([self._output_fd], [], [], 0.05)
            if not self.read_output():
                break
        return self._zygote.own_line(self.output.text)

    def end(self, signal: int = 9) -> int:
        """Signal the program and all that it started, wait for it, and return its exit status (negative: a signal)."""
        if self._status is None:
            with suppress(CastError):
                self._status = int(self._zygote.ask({"end": self.pid, "signal": signal}).get("status", 0))
            self._status = -9 if self._status is None else self._status
            self.channel.close()
            self.read_output()
            os.close(self._output_fd)
            self._output_fd = -1
        return self._status


@dataclass(slots=True)
class _Zygote:
    process: Confined
    control: socket.socket
    roots: Sequence[Path]

    def ask(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        """One request, one answer; raises `CastError` when the zygote is gone, which only a program can have done."""
        try:
            socket.send_fds(self.control, [json.dumps(request).encode() + b"\n"], descriptors)
            return self._answer()
        except (OSError, ValueError) as error:
            raise CastError(f"the program's process group has gone away ({error})") from None

    def wait_ready(self) -> None:
        self._answer()

    def _answer(self) -> dict[str, Any]:
        data = b""
        while not data.endswith(b"\n"):
            chunk = self.control.recv(1 << 16)
            if not chunk or len(data) > 1 << 16:
                raise OSError("no answer")
            data += chunk
        answer = json.loads(data)
        return answer if isinstance(answer, dict) else {}

    def own_line(self, dump: str) -> str:
        """The innermost line of a `faulthandler` dump that lies in the lab's or the student's files."""
        for line in dump.splitlines():
            for root in self.roots:
                if f'File "{root}/' in line:
                    return line.strip().replace(f"{root}/", "")
        return ""

    def close(self) -> None:
        self.control.close()
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


@dataclass(slots=True, kw_only=True)
class Cast:
    """Starts programs for one submission. Use it as a context manager.

    `own` is the student's folder, `given` the lab's; `hidden` are the files of our packages that hold the answers.
    """

    own: Path
    given: Path | None = None
    hidden: tuple[str, ...] = ()
    level: Level = Level.NONE
    preload: tuple[str, ...] = ()
    cpu_seconds: int = 20
    _folder: Path | None = None
    _zygotes: dict[tuple[str, int | None], _Zygote] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="downstack-stage-"))
        self._folder.chmod(0o755)
        stage(self._folder / "stage", self.hidden)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for zygote in self._zygotes.values():
            zygote.close()
        self._zygotes.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def roots(self) -> tuple[Path, ...]:
        """Where a program's file is looked for, in this order: the lab's folder, the student's, our drivers'."""
        assert self._folder is not None, "a Cast is used as a context manager"
        given = () if self.given is None else (self.given.resolve(),)
        return (*given, self.own.resolve(), self._folder / "stage/labs/testbed/program/drivers")

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
        return Running(answer["pid"], ours, Tail(limit=output_bytes), zygote, reads)

    def _zygote(self, host: str, network: int | None) -> _Zygote:
        key = (host if self.level else "", network)
        if key not in self._zygotes:
            self._zygotes[key] = self._launch(network)
        return self._zygotes[key]

    def _launch(self, network: int | None) -> _Zygote:
        assert self._folder is not None
        ours, theirs = socket.socketpair()
        staged = self._folder / "stage"
        settings = {
            "path": [str(staged), *_site_packages()],
            "roots": [str(root) for root in self.roots],
            "preload": self.preload,
            "control": theirs.fileno(),
            "cpu_seconds": self.cpu_seconds,
        }
        script = staged / "labs/testbed/program/zygote.py"
        process = sandbox.launch(
            [sys.executable, "-P", "-s", "-S", str(script), json.dumps(settings)],
            level=self.level,
            readable=[staged, *self.roots],
            descriptors=[theirs.fileno()],
            network=network,
            stdout=subprocess.DEVNULL,
            stderr=None if os.environ.get("DOWNSTACK_DEBUG") else subprocess.DEVNULL,
        )
        theirs.close()
        ours.settimeout(START_WITHIN)
        zygote = _Zygote(process, ours, self.roots)
        try:
            zygote.wait_ready()
        except (OSError, ValueError):
            zygote.close()
            raise CastError(
                "the process that runs programs did not start: `DOWNSTACK_DEBUG=1` shows what it says, "
                "`lab doctor` what this machine lacks"
            ) from None
        return zygote


def _site_packages() -> list[str]:
    paths = sysconfig.get_paths()
    return list(dict.fromkeys((paths["purelib"], paths["platlib"])))
