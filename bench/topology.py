"""Networks up and down: ours beside plain Mininet, and beside netlink with no Mininet at all, hosts on one bridge.

Each in an enclave of its own. "Up" ends when every interface is configured, "down" when the objects are done with; in
both of ours the kernel then still takes the links away, which Mininet waits for.
"""

import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo

from bench.rows import Row
from labs.testbed import enclave, kernel
from labs.testbed.namespace import Namespace
from labs.testbed.network import FastMininet

SIZES = (2, 10, 50)
GOALS = {50: (0.2, 0.05)}  # up and down, ours as a part of Mininet's
NOBODY = 65534
PR_SET_DUMPABLE = 4
NEEDED = ("ifconfig", "brctl", "ip")

Times = tuple[float, float]


def rows(quick: bool) -> Iterable[Row]:
    """Up and down, at each size; and, as root, once more as a plain user."""
    if reason := enclave.available():
        yield Row(what="networks", ours=None, unit="s", note=reason)
        return
    rounds = 1 if quick else 3
    for hosts in SIZES:
        yield from _compared(hosts, rounds, "", enclave.call)
    if os.geteuid() == 0:
        yield from _compared(SIZES[-1], rounds, ", as a plain user", _as_nobody)


def _compared(hosts: int, rounds: int, how: str, call: Callable[..., Times]) -> Iterable[Row]:
    missing = [tool for tool in NEEDED if not shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")]
    ours = _median(call, _fast, hosts, rounds)
    theirs = None if missing else _median(call, _plain, hosts, rounds)
    bare = _median(call, _bare, hosts, rounds)
    note = f"Mininet needs {' and '.join(missing)}" if missing else ""
    for index, (what, goal) in enumerate(zip(("up", "down"), GOALS.get(hosts, (None, None)), strict=True)):
        row = {"what": f"{hosts} hosts {what}{how}", "ours": ours[index], "unit": "s", "smaller_is_better": True}
        peer = theirs[index] if theirs else None
        yield Row(**row, peer=peer, peer_name="Mininet", goal=goal, note=note)  # type: ignore[arg-type]
        yield Row(**row, peer=bare[index], peer_name="bare netlink")  # type: ignore[arg-type]


def _median(call: Callable[..., Times], build: Callable[[int], Times], hosts: int, rounds: int) -> Times:
    taken = [call(build, hosts) for _ in range(rounds)]
    ups, downs = zip(*taken, strict=True)
    return statistics.median(ups), statistics.median(downs)


def _fast(hosts: int) -> Times:
    began = time.perf_counter()
    net = FastMininet(SingleSwitchTopo(k=hosts))
    net.start()
    up = time.perf_counter()
    net.stop()
    return up - began, time.perf_counter() - up


def _plain(hosts: int) -> Times:
    setLogLevel("critical")
    Mininet.init()  # its sysctls are set once a process, and are not what is compared
    began = time.perf_counter()
    net = Mininet(SingleSwitchTopo(k=hosts), switch=LinuxBridge, controller=None)
    net.start()
    up = time.perf_counter()
    net.stop()
    return up - began, time.perf_counter() - up


def _bare(hosts: int) -> Times:
    began = time.perf_counter()
    with ExitStack() as spaces:
        switch = Namespace()
        spaces.callback(switch.close)
        switch.links.add_bridge("s1")
        for number in range(1, hosts + 1):
            host = Namespace()
            spaces.callback(host.close)
            name = f"h{number}-eth0"
            switch.links.add_veth(f"s1-eth{number}", name, peer_namespace=host.descriptor, bridge="s1")
            host.links.change(name, up=True)
            host.links.add_address(name, f"10.0.0.{number}/8")
        up = time.perf_counter()
    return up - began, time.perf_counter() - up


def _as_nobody(build: Callable[[int], Times], hosts: int) -> Times:
    """What `build` takes in an enclave of a user who is nobody; in a process of its own, for there is no way back."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        kernel.libc().prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        try:
            os.write(writes, " ".join(map(str, enclave.call(build, hosts))).encode())
        finally:
            os._exit(0)
    os.close(writes)
    with open(reads, encoding="ascii") as answer:
        up, down = map(float, answer.read().split())
    os.waitpid(child, 0)
    return up, down
