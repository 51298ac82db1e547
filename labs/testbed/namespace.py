"""Network namespaces: held open, entered, given a process to be found by."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from labs.testbed import kernel
from labs.testbed.netlink import Netlink
from netstack.link.packet_socket import open_packet_socket, switch_off_offloads

__all__ = ["Namespace", "enter", "open_packet_socket", "start_holder", "switch_off_offloads"]


class Namespace:
    """A network namespace, with its loopback up, that exists as long as this object holds it."""

    def __init__(self, *, ipv6: bool = True) -> None:
        home = _open_own_namespace()
        try:
            kernel.unshare(kernel.CLONE_NEWNET)
            self.descriptor = _open_own_namespace()
            self.links = Netlink()
            if not ipv6:
                _disable_ipv6()
        finally:
            kernel.setns(home, kernel.CLONE_NEWNET)
            os.close(home)
        self.links.change("lo", up=True)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """What this thread opens meanwhile belongs to this namespace, wherever it is used later."""
        home = _open_own_namespace()
        kernel.setns(self.descriptor, kernel.CLONE_NEWNET)
        try:
            yield
        finally:
            kernel.setns(home, kernel.CLONE_NEWNET)
            os.close(home)

    def close(self) -> None:
        """Let go of the namespace; the kernel removes it, and its links, once no process is left in it."""
        self.links.close()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _open_own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _disable_ipv6() -> None:
    """Keep the kernel from saying anything unasked on this namespace's interfaces, present and future."""
    for which in ("all", "default"):
        with suppress(FileNotFoundError):  # a kernel without IPv6 says nothing either
            Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6").write_text("1")


def start_holder(name: str, space: Namespace) -> int:
    """Fork a process that enters the namespace, and a mount namespace with its own view of /sys, and stays."""
    ready, tell = os.pipe()
    holder = kernel.fork_deaf()
    if holder == 0:
        _hold(name, space, tell)
    os.close(tell)
    with open(ready, "rb") as stream:
        problem = stream.read().decode()
    if problem:
        os.waitpid(holder, 0)
        raise OSError(f"host {name}: {problem}")
    return holder


def _hold(name: str, space: Namespace, tell: int) -> NoReturn:
    try:
        kernel.name_process(f"host {name}")
        kernel.setns(space.descriptor, kernel.CLONE_NEWNET)
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount("sysfs", "/sys", "sysfs", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
        os.closerange(3, 1 << 20)
        while True:
            signal.pause()
    except OSError as problem:
        os.write(tell, str(problem).encode())
    finally:
        os._exit(1)


def enter(process: int) -> None:
    """Move into the network and mount namespaces of a process; the working folder stays, seen from there."""
    folder = Path.cwd()
    for kind, flag in (("net", kernel.CLONE_NEWNET), ("mnt", kernel.CLONE_NEWNS)):
        descriptor = os.open(f"/proc/{process}/ns/{kind}", os.O_RDONLY)
        kernel.setns(descriptor, flag)
        os.close(descriptor)
    with suppress(OSError):
        os.chdir(folder)
