"""What this machine can do for the course, each thing tried rather than looked up.

A tool that is installed may still not work: a container forbids namespaces, a kernel is built without netem, AppArmor
lets bubblewrap start and then refuses it. So each probe does a small real piece of what a lab will do, the ones that
touch a network inside an enclave, which takes whatever they made with it when it ends. A finding that is not `works`
carries the one line that mends it.
"""

import enum
import errno
import fcntl
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labs.testbed import components, enclave, netlink

_ETHERTYPE = 0x88B5  # IEEE 802, local experimental: the one that lab 1 uses
_TUNSETIFF, _IFF_TAP_NO_PI = 0x400454CA, 0x1002
_PATIENCE = 5.0  # seconds for one program
_APPARMOR = "apparmor_restrict_unprivileged_userns"
_NAT = "add table ip probe; add chain ip probe out { type nat hook output priority -100; }; \
add rule ip probe out tcp dport 80 redirect to :81"


class State(enum.StrEnum):
    """How a thing was found."""

    WORKS = "works"
    LIMITED = "limited"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried: what came of it, and the line that mends it."""

    name: str
    state: State
    detail: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that was found, and what it means for the three testbeds."""

    checks: tuple[Finding, ...]
    testbeds: tuple[Finding, ...]
    apparmor_profile: str | None


def examine() -> Examination:
    """Try everything; takes about a second."""
    found = [_python(), *_namespaces()]  # first: an enclave is forked, and no thread may run then
    with ThreadPoolExecutor() as pool:
        found += pool.map(_call, (_sandbox, _git, _uml, _chromium, _servers))
    checks = {finding.name: finding for finding in found}
    return Examination(tuple(found), _testbeds(checks), _profile(checks))


def _call(probe: Callable[[], Finding]) -> Finding:
    return probe()


# The probes.


def _python() -> Finding:
    return Finding("python", State.WORKS, f"{platform.python_version()} at {os.path.realpath(sys.executable)}")


def _namespaces() -> list[Finding]:
    """The user namespace, the enclave, and what works inside it."""
    refused = enclave.available()
    findings = [_user_namespaces()]
    if refused:
        findings.append(Finding("enclave", State.MISSING, refused, _mend_namespaces()))
        return findings + [Finding(name, State.MISSING, "not tried, for there is no enclave") for name in _INSIDE]
    findings.append(Finding("enclave", State.WORKS, f"made as {_who()}: own network, processes, mounts"))
    results = enclave.call(_try_inside)
    for name, (_, works, otherwise, mend) in _INSIDE.items():
        problem = results[name]
        if problem is None:
            findings.append(Finding(name, State.WORKS, works))
        else:
            findings.append(Finding(name, State.MISSING, f"{problem}; {otherwise}", mend))
    return findings


def _user_namespaces() -> Finding:
    problem = _attempt("unshare", "--user", "--map-root-user", "true")
    if problem is None:
        return Finding("user namespaces", State.WORKS, f"made one as {_who()}")
    if os.geteuid() == 0:
        return Finding("user namespaces", State.LIMITED, f"{problem}; root does without", _mend_namespaces())
    return Finding("user namespaces", State.MISSING, problem, _mend_namespaces())


def _who() -> str:
    return "root" if os.geteuid() == 0 else "a plain user"


def _mend_namespaces() -> str:
    if _setting("kernel", _APPARMOR) not in (None, "0"):
        return "sudo ./lab doctor (as root it works), or install the AppArmor profile below"
    if _setting("kernel", "unprivileged_userns_clone") == "0":
        return "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _setting("user", "max_user_namespaces") == "0":
        return "sudo sysctl -w user.max_user_namespaces=10000"
    return "in a container: start it with --privileged, or let its seccomp profile allow unshare"


def _setting(*name: str) -> str | None:
    path = Path("/proc/sys", *name)
    return path.read_text(encoding="ascii").strip() if path.exists() else None


def _sandbox() -> Finding:
    from labs.testbed.sandbox import Level, best_level

    level, why_not_better = best_level()
    if level is Level.BUBBLEWRAP:
        return Finding("sandbox", State.WORKS, "level 1: bubblewrap")
    mend = _install("bubblewrap") if shutil.which("bwrap") is None else _mend_namespaces()
    meaning = {
        Level.OTHER_UID: "level 2: another user id and limits",
        Level.NONE: "level 0: none; check your own work only",
    }
    return Finding("sandbox", State.LIMITED, f"{meaning[level]} ({why_not_better})", mend)


def _git() -> Finding:
    problem = _attempt("git", "--version")
    if problem:
        return Finding("git", State.MISSING, f"{problem}; your work is kept without history", _install("git"))
    return Finding("git", State.WORKS, "keeps the history of your work")


def _uml() -> Finding:
    problem = _attempt("linux.uml", "--version")
    if problem:
        return Finding("user-mode linux", State.MISSING, problem, _install("user-mode-linux"))
    return Finding("user-mode linux", State.WORKS, "a kernel as a plain process")


def _chromium() -> Finding:
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next((name for name in names if shutil.which(name)), "chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:  # it must not touch the user's own profile
        quietly = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
        page = ("--disable-crash-reporter", f"--user-data-dir={home}/profile", "--dump-dom", "data:text/html,works")
        problem = _attempt(browser, *quietly, *page, environment={"HOME": home})
    if problem:
        return Finding("chromium", State.MISSING, f"{problem}; any browser shows a report", _install("chromium"))
    return Finding("chromium", State.WORKS, "tests look at reports with it")


def _servers() -> Finding:
    """Real servers that ours are compared with, and that run in labs; a lab that needs one says so itself."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        problems = [problem for problem in (_attempt("dig", "-v"), _attempt("etcd", "--version")) if problem]
        try:
            components.zookeeper(Path(folder), 2181)
        except components.NotHere as missing:
            problems.append(str(missing).partition(":")[0])
    if problems:
        mend = "./lab test --all (it installs them, or unpacks them below ~/.cache)"
        return Finding("servers", State.LIMITED, f"{'; '.join(problems)}: tests that want them skip", mend)
    return Finding("servers", State.WORKS, "dig, ZooKeeper and etcd are here, to compare ours with")


# Inside the enclave: each returns, or raises.


def _try_inside() -> dict[str, str | None]:
    problems: dict[str, str | None] = {}
    for name, (attempt, *_) in _INSIDE.items():
        try:
            attempt()
        except Exception as problem:  # Mininet raises what it likes
            problems[name] = getattr(problem, "strerror", None) or str(problem)
        else:
            problems[name] = None
    return problems


def _try_links() -> None:
    with netlink.Netlink() as here, open("/proc/self/ns/net", "rb") as namespace:
        here.add_bridge("bridge")
        here.add_veth("left", "right", peer_namespace=namespace.fileno())
        here.change("right", up=True)
        here.add_veth("port", "other", peer_namespace=namespace.fileno(), bridge="bridge")


def _try_packet_sockets() -> None:
    """Send a frame over the pair of `_try_links` until it is read at the other end: a new link loses the first ones."""
    frame = b"\xff" * 6 + bytes.fromhex("020000000101") + _ETHERTYPE.to_bytes(2, "big") + b"works"
    kind = socket.SOCK_RAW
    with socket.socket(socket.AF_PACKET, kind) as sender, socket.socket(socket.AF_PACKET, kind) as receiver:
        receiver.bind(("right", _ETHERTYPE))
        receiver.settimeout(0.02)
        sender.bind(("left", 0))
        for _ in range(100):
            with suppress(TimeoutError):
                sender.send(frame)
                if receiver.recv(2048).startswith(frame):
                    return
    raise OSError(errno.EIO, "a frame that was sent never arrived")


def _try_tap() -> None:
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", b"tap", _IFF_TAP_NO_PI))
    finally:
        os.close(descriptor)


def _try_netem() -> None:
    _demand("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")


def _try_nftables() -> None:
    _demand("nft", _NAT)


def _try_mininet() -> None:
    """Bring up two hosts and a link, and run a program on one of them."""
    from mininet.topo import Topo

    from labs.testbed.network import FastMininet

    topology = Topo()
    topology.addLink(topology.addHost("a"), topology.addHost("b"))
    network = FastMininet(topology)
    network.start()
    said: str = network.get("a").cmd("ifconfig a-eth0")
    if "10.0.0.1" not in said:
        raise OSError(errno.EIO, f"its host a said: {' '.join(said.split())}")


def _demand(*command: str) -> None:
    if problem := _attempt(*command):
        raise OSError(errno.EOPNOTSUPP, problem)


def _attempt(*command: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Run a program, with `environment` on top of ours; None when it succeeds, else one line of why not."""
    env = os.environ | (environment or {})
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, errors="replace", timeout=_PATIENCE, check=False
        )
    except FileNotFoundError:
        return f"no {command[0]} here"
    except subprocess.TimeoutExpired:
        return f"{Path(command[0]).name} did not end within {_PATIENCE:.0f} s"
    except OSError as problem:
        return f"{Path(command[0]).name}: {problem.strerror}"
    if done.returncode == 0:
        return None
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return said[-1].strip() if said else f"{Path(command[0]).name} ended with exit code {done.returncode}"


def _install(*packages: str) -> str:
    return f"sudo apt-get install {' '.join(packages)}"


# name: (what to try, what it means when it works, what it means when not, the mend)
_INSIDE: dict[str, tuple[Callable[[], None], str, str, str]] = {
    "links": (_try_links, "veth pairs and bridges", "no emulated network", "use a kernel with veth and bridge"),
    "packet sockets": (_try_packet_sockets, "AF_PACKET carried a frame", "no raw links", "allow CAP_NET_RAW"),
    "nftables": (
        _try_nftables,
        "connections can be redirected",
        "no interception in labs 9 and 10",
        _install("nftables"),
    ),
    "netem": (
        _try_netem,
        "the kernel can impair links",
        "not needed: our own wire impairs",
        "only --netem wants it: a kernel with sch_netem (sudo modprobe sch_netem)",
    ),
    "tap": (_try_tap, "/dev/net/tun", "not needed: raw links do without", "sudo chmod 666 /dev/net/tun"),
    "mininet": (
        _try_mininet,
        "two hosts came up on a link, and one ran a program",
        "no system steps",
        "./lab clean, then ./lab doctor: the set-up is done again",
    ),
}


# What follows.


def _testbeds(checks: dict[str, Finding]) -> tuple[Finding, ...]:
    sim = Finding("sim", State.WORKS, "virtual time, exact: checks, grading, notebooks")
    lacking = [
        name for name in ("enclave", "links", "packet sockets", "mininet") if checks[name].state is State.MISSING
    ]
    if lacking:
        why = f"needs {', '.join(lacking)}; system steps are not run here, all others are, on sim"
        mininet = Finding("mininet", State.MISSING, why, checks[lacking[0]].mend)
    else:
        mininet = Finding("mininet", State.WORKS, "real Mininet, real kernel: lab run, and the system steps")
    return (sim, mininet, _vm(checks["user-mode linux"]))


def _vm(uml: Finding) -> Finding:
    if uml.state is State.MISSING:
        return Finding("vm", State.MISSING, "a kernel of its own; no lab needs it so far", uml.mend)
    return Finding("vm", State.LIMITED, "User-Mode Linux is here; no lab uses it so far")


def _profile(checks: dict[str, Finding]) -> str | None:
    """The profile by which an administrator lets Python and bubblewrap make namespaces, where AppArmor forbids it."""
    if _setting("kernel", _APPARMOR) in (None, "0") or checks["user namespaces"].state is State.WORKS:
        return None
    programs: Sequence[tuple[str, str]] = (
        ("downstack-python", os.path.realpath(sys.executable)),
        ("downstack-bwrap", shutil.which("bwrap") or "/usr/bin/bwrap"),
    )
    profiles = [f'profile {name} "{path}" flags=(unconfined) {{\n  userns,\n}}' for name, path in programs]
    return "\n".join(["abi <abi/4.0>,", "include <tunables/global>", *profiles])
