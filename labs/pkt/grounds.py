"""Many scripts on either ground: in this process, or several at a time in one enclave."""

import multiprocessing
import os
import signal
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labs.pkt import language, runner
from labs.pkt.linux_ground import LinuxGround
from labs.pkt.netstack_ground import NetstackGround
from labs.pkt.runner import Telling
from labs.pkt.script import Script
from labs.testbed import enclave

RFC = Path(__file__).parent / "rfc"
AT_A_TIME = 8
TRIES_ALONE = 2


def scripts(paths: Iterable[Path] | None = None) -> list[Script]:
    """Read the scripts in these files, or all of ours; raises `ScriptError`, `OSError`."""
    chosen = sorted(RFC.glob("*.pkt")) if paths is None else paths
    return [language.read(path.read_text(encoding="utf-8"), path.stem) for path in chosen]


def on_netstack(script: Script, *, strict: bool = False) -> Telling:
    """Play a script on our stack."""
    return runner.play(script, NetstackGround(script.setup), strict=strict or script.setup.strict)


def on_linux(chosen: Sequence[Script], *, strict: bool = False, jobs: int = AT_A_TIME) -> list[Telling]:
    """Play scripts on the kernel, several at a time, each in a namespace of its own.

    A machine that is busy makes a script miss its times; so what has gone wrong is played again, alone, twice at most.
    Raises `enclave.Unavailable` where no enclave can be had.
    """
    return enclave.call(_in_enclave, chosen, strict, jobs)


def _in_enclave(chosen: Sequence[Script], strict: bool, jobs: int) -> list[Telling]:
    with suppress(OSError):  # a plain user may not; the kernel's timers wait for nobody
        os.nice(-10)
    tellings = _played(chosen, strict, jobs)
    for _ in range(TRIES_ALONE):
        for number, script in enumerate(chosen):
            if not judge(script, tellings[number]).passed:
                [tellings[number]] = _played([script], strict, 1)
    return tellings


def _played(chosen: Sequence[Script], strict: bool, jobs: int) -> list[Telling]:
    """In processes, for threads would wait for each other's interpreter. Ctrl-C is for whoever waits for them."""
    executor = ProcessPoolExecutor(min(jobs, len(chosen)), multiprocessing.get_context("fork"))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which those that are forked now inherit
    try:
        tellings = executor.map(_on_linux, chosen, [strict] * len(chosen))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return list(tellings)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)  # what goes on ends with the enclave


def _on_linux(script: Script, strict: bool) -> Telling:
    ground = LinuxGround(script.setup)
    try:
        return runner.play(script, ground, strict=strict or script.setup.strict)
    finally:
        ground.close()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a telling is what the script promises, and in a sentence why not."""

    passed: bool
    says: str


def judge(script: Script, telling: Telling) -> Verdict:
    """On Linux a script that `differs` must diverge, and say what it promises to say."""
    if telling.ground != "linux" or not script.differs:
        return Verdict(not telling.complaint, telling.complaint)
    if not telling.complaint:
        return Verdict(False, f"it passes, although it says that Linux differs: {script.differs}")
    if script.linux_says not in telling.complaint:
        return Verdict(False, f"Linux differs otherwise than promised: {telling.complaint}")
    return Verdict(True, f"differs: {script.differs}")
