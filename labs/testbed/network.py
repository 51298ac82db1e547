"""Emulated networks: real Mininet, made fast, and with our wires for its links.

Mininet builds a network by starting programs: a shell for every node, then `ifconfig`, `ip` and `brctl` inside those
shells, and to take it down it deletes every link, which the kernel makes it wait for. Here its own classes are
subclassed so that the same `Mininet` object, its `Topo` and its command line stay, and only the means change:

* a node is a network namespace that its object holds open; its shell starts when somebody first asks for it;
* links, addresses and bridges are made by netlink, from one process;
* at the end the namespaces are let go of, and the kernel takes the links along.

`FastMininet` is that, with ordinary links. A `Network` goes one step further: its links do not join two hosts, they end
in the relay (`labs.testbed.relay`), which does to each frame what `netstack.wire.Wire` says:

    host a ── a-eth0 ══ veth ══ a-eth0 ── relay ── b-eth0 ══ veth ══ b-eth0 ── host b

Both ends of a veth pair have the same name; the relay's lie in a namespace of their own. All of this must run inside an
enclave (`labs.testbed.enclave`). Left out: switches in a `Network` (what students write as one is a host).
"""
# ruff: noqa: N802, N803, N815 — Mininet's own names

import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from mininet.link import Intf, Link
from mininet.net import Mininet
from mininet.node import Host, Node
from mininet.nodelib import LinuxBridge
from mininet.topo import Topo

from labs.testbed import enclave, kernel
from labs.testbed.namespace import Namespace, enter, open_packet_socket, start_holder, switch_off_offloads
from labs.testbed.netlink import Netlink, NetlinkError
from labs.testbed.scene import Plan
from netstack.tcp import Settings
from netstack.wire import ETHERNET_HEADER, Profile

IPV4_LEAST_MTU = 68  # RFC 791; a link that carries less is no link for IP, and its wire drops what is too long
JUMBO = 4000  # bytes: cards take more than their wires, so that the judge sees what is too long


# Mininet's classes, made fast.


def _lazy(name: str) -> property:
    """An attribute of Mininet's nodes that exists once the shell runs: asking for it starts the shell."""

    def get(node: "_FastNode") -> Any:
        node.wake()
        return node.__dict__[name]

    def put(node: "_FastNode", value: Any) -> None:
        node.__dict__[name] = value

    return property(get, put)


class _FastNode(Node):
    """A node whose namespace is held by this object, and whose processes start when they are first needed."""

    isSetup = True  # nothing to look for on PATH
    ipv6 = True

    def startShell(self, mnopts: str | None = None) -> None:
        """Called by Mininet when a node is made: make its namespace, and leave the shell for later."""
        self.space = Namespace(ipv6=self.ipv6)
        self._holder = 0
        self._asleep = True

    def wake(self) -> None:
        """Start the shell, unless it has been."""
        if self._asleep:
            self._asleep = False
            super().startShell()

    shell, stdin, stdout = _lazy("shell"), _lazy("stdin"), _lazy("stdout")
    _asleep = False  # until `startShell`: Mininet's constructor sets the attributes above first

    @property
    def pid(self) -> int:
        """A process in this node's network and mount namespaces, which is there for nothing else."""
        if not self._holder:
            self._holder = start_holder(self.name, self.space)
        return self._holder

    @pid.setter
    def pid(self, value: int | None) -> None:
        """Mininet would have the shell's; ours is there before any shell."""

    def _popen(self, cmd: Sequence[str], **params: Any) -> subprocess.Popen[bytes]:
        """Start a process here. Mininet puts `mnexec` in front of every command: for us, that is two system calls."""
        command = list(cmd)
        if command[0] == "mnexec":
            options = 2 if "a" not in command[1] else 3  # -cdn, or -da PID
            command = command[options:]
            params |= {"start_new_session": True, "preexec_fn": partial(enter, self.pid)}
        return subprocess.Popen(command, **params)

    def config(self, mac: str | None = None, ip: str | None = None, **params: Any) -> dict[str, Any]:
        """Configure the first interface; as Mininet's, but its loopback is up already."""
        results: dict[str, Any] = {}
        self.setParam(results, "setMAC", mac=mac)
        self.setParam(results, "setIP", ip=ip)
        self.setParam(results, "setDefaultRoute", defaultRoute=params.get("defaultRoute"))
        return results

    def defaultIntf(self) -> Intf | None:
        """The first interface; no need for a warning where there is none."""
        return self.intfs[min(self.intfs)] if self.intfs else None

    def terminate(self) -> None:
        """End what runs here and let go of the namespace; harmless when done already."""
        if not self._asleep:
            super().terminate()
        self._asleep = False
        if self._holder:
            os.kill(self._holder, signal.SIGKILL)
            os.waitpid(self._holder, 0)
            self._holder = 0
        self.space.close()


class FastHost(_FastNode, Host):
    """A host: a namespace, and a shell when it is wanted."""


class RawHost(FastHost):
    """A host whose kernel says nothing unasked."""

    ipv6 = False


class FastBridge(_FastNode, LinuxBridge):
    """A switch: a namespace with a bridge in it, whose ports join it as they are made."""

    def __init__(self, name: str, **params: Any) -> None:
        super().__init__(name, **params | {"inNamespace": True})
        self.space.links.add_bridge(name)

    def start(self, _controllers: Sequence[object]) -> None:
        """Nothing is left to do, but for a spanning tree."""
        if self.stp:
            self.cmd("brctl setbridgeprio", self, self.prio)
            self.cmd("brctl stp", self, "on")

    def stop(self, deleteIntfs: bool = True) -> None:
        """Nothing to do: the bridge goes with its namespace."""

    def connected(self) -> bool:
        """Whether every port forwards. A port may take a second to; a frame that comes earlier is lost."""
        return all(self.space.links.forwards(name) for name in self.intfNames())


class FastIntf(Intf):
    """An interface that is configured by netlink; what is not wanted often still goes by `ifconfig`."""

    ip: str | None

    def setIP(self, ipstr: str, prefixLen: int | None = None) -> object:
        """Give the interface its first address; to change it later takes Mininet's way."""
        if self.ip is not None:
            return super().setIP(ipstr, prefixLen)
        address, _, prefix = ipstr.partition("/")
        self.ip, self.prefixLen = address, int(prefix or prefixLen or 32)
        return self.node.space.links.add_address(self.name, f"{address}/{self.prefixLen}")

    def setMAC(self, macstr: str) -> object:
        self.mac = macstr
        return self.node.space.links.change(self.name, address=macstr)

    def isUp(self, setUp: bool = False) -> bool:
        if not setUp:
            return bool(super().isUp())
        self.node.space.links.change(self.name, up=True)
        return True

    def delete(self) -> None:
        self.node.space.links.delete(self.name)
        self.node.delIntf(self)
        self.link = None


class FastLink(Link):
    """A veth pair, made by one request, in the bridge that it belongs to."""

    def makeIntfPair(
        self, name1: str, name2: str, addr1: str, addr2: str, node1: _FastNode, node2: _FastNode, **_: object
    ) -> None:
        """Make the pair; both ends are up, or will be when Mininet configures them."""
        if isinstance(node2, FastBridge) and not isinstance(node1, FastBridge):
            self.makeIntfPair(name2, name1, addr2, addr1, node2, node1)
            return
        node1.space.links.add_veth(
            name1,
            name2,
            peer_namespace=node2.space.descriptor,
            address=addr1,
            peer_address=addr2,
            bridge=node1.name if isinstance(node1, FastBridge) else None,
        )
        if isinstance(node2, FastBridge):
            node2.space.links.change(name2, bridge=node2.name, up=True)

    def stop(self) -> None:
        """Nothing to do: a link goes with its namespaces."""


class FastMininet(Mininet):
    """Mininet, with nodes and links that are quick to make and quicker to let go of. Switches are Linux bridges."""

    def __init__(self, topo: Topo, *, host: type[Host] = FastHost, link: Callable[..., Link] = FastLink) -> None:
        if not Mininet.inited:  # Mininet would now set a dozen sysctls, by a dozen programs
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            Mininet.inited = True
        super().__init__(topo, host=host, switch=FastBridge, link=link, intf=FastIntf, controller=None)


# Networks whose links are our wires.


class WireLink(Link):
    """A link that ends in the relay: a veth pair for each of its two interfaces, which have no offloads."""

    def __init__(self, node1: Node, node2: Node, *, network: "Network", **params: Any) -> None:
        self.network = network
        super().__init__(node1, node2, **params)

    def makeIntfPair(
        self, name1: str, name2: str, addr1: str, addr2: str, node1: _FastNode, node2: _FastNode, **_: object
    ) -> None:
        for name, node in ((name1, node1), (name2, node2)):
            self.network.attach(name, node)

    def stop(self) -> None:
        """Nothing to do: a link goes with its namespaces."""


class Network:
    """A topology in which every link leads through the relay. Use it as a context manager, inside an enclave.

    `net` is the real Mininet object. Hosts that the topology gives no `ip` have none, and their interfaces carry only
    what programs send. With `netem` the kernel impairs links, where the relay's wires otherwise do. `tcp` is what some
    hosts' kernels are told of theirs.
    """

    def __init__(self, topo: Topo, *, netem: bool = False, tcp: Mapping[str, Settings] = MappingProxyType({})) -> None:
        self.plan = Plan.of(topo)
        self._impaired = {end.name: link for link in self.plan.links for end in link.ends} if netem else {}
        self._ends = {end.name: end for link in self.plan.links for end in link.ends}
        too_long = [name for name in self._ends if len(name) > 15]
        if too_long:
            raise ValueError(f"{too_long[0]} is no name for an interface: a host's name has at most 10 letters")
        self._relay = Namespace(ipv6=False)
        self._sockets: list[socket.socket] = []
        for host in self.plan.hosts:
            topo.nodeInfo(host).setdefault("ip", None)
        _publish_names(self.plan.names())
        self.net = FastMininet(topo, host=RawHost, link=partial(WireLink, network=self))
        for host in self.plan.hosts:
            told = {"ip_forward": "1"} if host in self.plan.forwarding else {}
            self._configure(host, told | (sysctls(tcp[host]) if host in tcp else {}))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.net.stop()
        for opened in self._sockets:
            opened.close()
        self._relay.close()

    def _configure(self, host: str, told: Mapping[str, str]) -> None:
        """Tell the kernel of `host` about its IPv4: entries of `/proc/sys/net/ipv4`."""
        with self.net[host].space.entered():
            for name, value in told.items():
                Path("/proc/sys/net/ipv4", name).write_text(value)

    def attach(self, name: str, node: _FastNode) -> None:
        """Join an interface of `node`, which is named here, to the relay; called by Mininet for each end of a link."""
        end = self._ends[name]
        raw = not end.ip
        wires, cards = end.longest - ETHERNET_HEADER, max(end.longest - ETHERNET_HEADER, JUMBO)
        mtu = cards if raw else max(wires, IPV4_LEAST_MTU)
        node.space.links.add_veth(name, name, peer_namespace=self._relay.descriptor, address=end.address, mtu=mtu)
        self._relay.links.change(name, up=True, arp=False, mtu=cards)
        for space in (self._relay, node.space):
            with space.entered():
                switch_off_offloads(name)
        if raw:
            node.space.links.change(name, arp=False)
        if name in self._impaired:
            with node.space.entered():
                impair(name, self._impaired[name].profile)

    def host_pid(self, name: str) -> int:
        """A process in the host's network and mount namespaces."""
        return int(self.net[name].pid)

    def open_packet_socket(self, host: str, interface: str) -> socket.socket:
        """A packet socket on an interface of `host`: it does not block, and does not hear what leaves there."""
        return self._open(self.net[host].space, interface)

    def open_relay_socket(self, interface: str) -> socket.socket:
        """The relay's side of an interface, likewise."""
        return self._open(self._relay, interface)

    def _open(self, space: Namespace, interface: str) -> socket.socket:
        with space.entered():
            opened = open_packet_socket(interface)
        self._sockets.append(opened)
        return opened


def _publish_names(names: Mapping[str, Sequence[str]]) -> None:
    """Let the hosts that have an address be found by name, and nobody else: there is no way out of here."""
    known = [f"{address} {host}" for host, addresses in names.items() for address in addresses]
    for place, lines in (("/etc/hosts", ["127.0.0.1 localhost", *known]), ("/etc/resolv.conf", [])):
        file = Path("/run") / Path(place).name
        file.write_text("".join(f"{line}\n" for line in lines))
        with suppress(OSError):  # a system that has no such file finds no names either
            kernel.mount(str(file), place, flags=kernel.MS_BIND)


def sysctls(settings: Settings) -> dict[str, str]:
    """What makes Linux's TCP do as `settings` say, as far as it can be told: entries of `/proc/sys/net/ipv4`.

    Linux counts its own bookkeeping against a buffer, and so offers half of one as a window (`tcp_adv_win_scale`). Its
    congestion control stays what it is: other network namespaces than the first may not choose.
    """
    receive, send = 2 * settings.receive_buffer, 2 * settings.send_buffer
    return {
        "tcp_rmem": f"{min(receive, 4096)} {receive} {receive}",
        "tcp_wmem": f"{min(send, 4096)} {send} {send}",
        "tcp_window_scaling": str(int(settings.window_scale)),
        "tcp_timestamps": str(int(settings.timestamps)),
        "tcp_sack": str(int(settings.sack)),
        "tcp_ecn": str(int(settings.ecn)),
        "tcp_recovery": str(int(settings.rack)),
        "tcp_syn_retries": str(settings.syn_retries),
    }


def impair(interface: str, profile: Profile) -> None:
    """Make netem do to what leaves by `interface` what `profile` says; raises `OSError` with the words of `tc`."""
    command = ["tc", "qdisc", "add", "dev", interface, "root", "netem", *netem_options(profile)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def netem_options(profile: Profile) -> list[str]:
    """A profile in the words of tc-netem(8). Its queue holds what is under way, too, so the delay makes it longer."""
    options = ["limit", str(profile.queue)]
    if profile.delay or profile.jitter:
        options += ["delay", f"{profile.delay / 1000:g}us", f"{profile.jitter / 1000:g}us"]
    for name in ("loss", "duplicate", "corrupt", "reorder"):
        if chance := getattr(profile, name):
            options += [name, f"{100 * chance:g}%"]
    return [*options, "rate", f"{profile.rate}bit"] if profile.rate else options


def netem_available() -> str | None:
    """Say why the kernel's own link emulator cannot be used, or None: by trying it in an enclave."""
    if reason := enclave.available():
        return reason
    try:
        enclave.call(_try_netem)
    except NetlinkError as problem:
        return f"this kernel has no netem: {problem}; leave out --netem, our own wire does the same and needs no kernel"
    return None


def _try_netem() -> None:
    with Netlink() as here:
        here.add_netem("lo")
