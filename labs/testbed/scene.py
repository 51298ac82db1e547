"""A scene: who is on the network, what they run, what the judge does at their application ports, and what goes wrong.

A scene is data. Playing it, on `sim` (`labs.testbed.sim`) or on an emulated network (`labs.testbed.emulated`), gives a
trace; nothing else in this package decides what happens.

Names. Hosts are numbered from 1 in the order in which the topology added them; interface j of host i is called
`<host>-eth<j>` and has the MAC address `02:00:00:00:ii:jj`. A link between hosts a and b is called `a-b`, in the order
of `addLink`; a second one between the same two is `a-b.2`. Its directions are `a-b` and `b-a` (`b-a.2`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface
from typing import Any, Protocol

from mininet.topo import Topo

from labs.story.trace import Line
from netstack.tcp import Settings
from netstack.wire import SECOND, Fault, Profile


@dataclass(frozen=True, slots=True)
class Pause:
    """From `begin` to `end`, in nanoseconds, a program gets no processor, as after `kill -STOP`.

    Of the frames that arrive for its packet sockets meanwhile `room` wait for it, and the others are lost.
    """

    begin: int
    end: int
    room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program on a host. `file` is looked up in the lab's `given/` first, then among the student's own files.

    A Python file defines `async def main(host)`. With a `command`, such as `("perl",)`, another interpreter runs `file`
    (or the command runs alone, when there is no `file`); it speaks the channel on the descriptor that the environment's
    `DOWNSTACK_CHANNEL` names. `arguments` must be JSON; a Python program finds them as `host.arguments`. Programs on
    one host need different `name`s.

    On a host with an IP address a program has sockets; the host's links only if it is `raw`: what it sends there goes
    out beside what the host itself sends, and it sees every frame that arrives. (Elsewhere all programs have them.) At
    `killed`, in nanoseconds, the judge ends it without a word, as `kill -9` does. Only `sim` has `pauses`.
    """

    host: str
    file: str = ""
    name: str = "main"
    command: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    raw: bool = False
    killed: int | None = None
    pauses: tuple[Pause, ...] = ()


class Peer(Protocol):
    """A host played by the judge itself, in its own process: sans-IO, in virtual time. See `Acting`."""

    def receive(self, link: int, frame: bytes, *, now: int) -> "Iterable[Send]": ...
    def next_timer(self) -> int | None: ...
    def handle_timer(self, *, now: int) -> "Iterable[Send]": ...


@dataclass(frozen=True, slots=True)
class Send:
    """What a `Peer` wants sent at once on its link number `link`."""

    link: int
    frame: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """A host played by the judge: `make()` builds a fresh `Peer` for each play."""

    host: str
    make: Callable[[], Peer]
    name: str = "judge"


@dataclass(frozen=True, slots=True)
class Offering:
    """A payload that the judge has ready for a program at `at`. The program takes it when it asks."""

    payload: bytes
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How the judge reads what a program delivers: one payload each `every` ns; never during `pauses` (from, to)."""

    every: int = 0
    pauses: tuple[tuple[int, int], ...] = ()

    def may_read_at(self, earliest: int) -> int:
        """The first time not before `earliest` that lies in no pause."""
        for begin, end in sorted(self.pauses):
            if begin <= earliest < end:
                earliest = end
        return earliest


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """The judge's end of an application port of `host`.

    `enough`: this many payloads consumed here are all that the scene waits for; when every port that says so has them,
    the play runs on for `Limits.grace` and ends. A scene whose ports do not say so ends when nothing can happen any
    more, or at its time limit.
    """

    host: str
    name: str = "app"
    program: str = "main"
    offers: tuple[Offering, ...] = ()
    reader: Reader = Reader()
    enough: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one play may cost. `time` and `grace` are nanoseconds of the scene's own clock.

    `frames` holds for the whole play; `exchanges` (turns), `messages`, `message_bytes` and `output_bytes` for each
    program. On `sim` `real_seconds` bounds a play that makes no end, whoever is to blame.
    """

    time: int = 60 * SECOND
    grace: int = SECOND // 5
    real_seconds: float = 30.0
    frames: int = 50_000
    exchanges: int = 100_000
    messages: int = 100_000
    message_bytes: int = 32 << 20
    output_bytes: int = 1 << 20


def _any_kind(frame: bytes) -> str:
    return "frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that a play needs to know. `classify` names a frame's kind and must answer for any bytes.

    A `classify` that is a class has an instance for each direction of each link, which may remember what has passed.
    `tcp` holds what hosts with an IP address are told of their TCP, where that is not the default.
    """

    name: str
    topology: Callable[[], Topo]
    programs: tuple[Program | Acting, ...]
    ports: tuple[Port, ...] = ()
    script: tuple[Fault, ...] = ()
    limits: Limits = Limits()
    classify: Callable[[bytes], str] = _any_kind
    preload: tuple[str, ...] = ()
    tcp: Mapping[str, Settings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        programs = Counter((program.host, program.name) for program in self.programs)
        for (host, name), count in programs.items():
            if count > 1:
                raise ValueError(
                    f"scene {self.name!r}: {count} programs on {host} are called {name!r}; name them apart"
                )
        for port in self.ports:
            if (port.host, port.program) not in programs:
                raise ValueError(
                    f"scene {self.name!r}: port {port.name!r} is for a program {port.program!r} on {port.host}"
                )

    def scripted(self, *faults: str) -> "Scene":
        """This scene with more faults, each written as in `drop b-a:ack:2`."""
        return replace(self, script=(*self.script, *map(Fault.parse, faults)))


MOST_HOSTS = 255  # a host's number is one byte of its MAC addresses


@dataclass(frozen=True, slots=True)
class Interface:
    """One end of a link. `number` is its place among its host's links, `longest` the longest frame its card takes.

    `ip` is its IPv4 address with the length of its network's prefix, `10.0.0.1/24`; "" where it has none.
    """

    host: str
    number: int
    name: str
    address: str
    longest: int
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the plan, with the profile that holds in each direction. `properties` are Mininet's own names."""

    name: str
    ends: tuple[Interface, Interface]
    profile: Profile
    properties: Mapping[str, Any]

    def direction(self, sender: str) -> str:
        """The name of the direction in which the host `sender` sends on this link."""
        first, second = self.ends
        _, dot, number = self.name.partition(".")
        other = second if sender == first.host else first
        return f"{sender}-{other.host}{dot}{number}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A topology worked out: hosts in order, links by name, each host's interfaces in order.

    `gateways` are the hosts' default routers, by address; hosts in `forwarding` are routers.
    """

    hosts: tuple[str, ...]
    links: tuple[Link, ...]
    gateways: Mapping[str, str] = field(default_factory=dict)
    forwarding: frozenset[str] = frozenset()

    @classmethod
    def of(cls, topology: Topo) -> "Plan":
        """Read a `mininet.topo.Topo`; raises `ValueError` for one that has switches, or more than 255 hosts.

        Links come grouped by host, as Mininet gives them; it numbers a host's interfaces in the order of `addLink`.
        Addresses stand where Mininet has them: `addHost("a", ip="10.0.0.1/24", defaultRoute="via 10.0.0.254")` for a
        host's first interface, `addLink(a, b, params1={"ip": "10.0.1.1/24"})` for others. `forwards=True`: a router.
        """
        hosts = tuple(topology.hosts(sort=False))
        if topology.switches() or len(hosts) > MOST_HOSTS:
            raise ValueError(f"a topology has up to {MOST_HOSTS} hosts, and no switches: let a host forward frames")
        joined: Counter[frozenset[str]] = Counter()
        links = []
        for _, _, properties in topology.links(sort=False, withInfo=True):
            first, second = properties["node1"], properties["node2"]
            profile = Profile.from_mininet(properties)
            joined[frozenset((first, second))] += 1
            parallel = joined[frozenset((first, second))]
            name = f"{first}-{second}" if parallel == 1 else f"{first}-{second}.{parallel}"
            first_ip, second_ip = (_ip(topology, properties, end) for end in "12")
            ends = (
                _interface(hosts, first, properties["port1"], profile.longest, first_ip),
                _interface(hosts, second, properties["port2"], profile.longest, second_ip),
            )
            links.append(Link(name, ends, profile, properties))
        about = {host: topology.nodeInfo(host) for host in hosts}
        gateways = {host: _gateway(told["defaultRoute"]) for host, told in about.items() if told.get("defaultRoute")}
        forwarding = frozenset(host for host, told in about.items() if told.get("forwards"))
        return cls(hosts, tuple(links), gateways, forwarding)._numbered_without_gaps()

    def _numbered_without_gaps(self) -> "Plan":
        for host in self.hosts:
            numbers = [end.number for end in self.interfaces(host)]
            if numbers != list(range(len(numbers))):
                raise ValueError(f"the links of {host} are numbered {numbers}: leave `port1` and `port2` to Mininet")
        return self

    def unimpaired(self) -> "Plan":
        """This plan with links that carry everything at once, for those that somebody else impairs."""
        links = (replace(link, profile=Profile(longest=link.profile.longest)) for link in self.links)
        return replace(self, links=tuple(links))

    def interfaces(self, host: str) -> tuple[Interface, ...]:
        """The ends of links at `host`, by number."""
        ends = (end for link in self.links for end in link.ends if end.host == host)
        return tuple(sorted(ends, key=lambda end: end.number))

    def has_ip(self, host: str) -> bool:
        """Whether `host` has an IP address, and so TCP/IP of its own, and its programs have sockets."""
        return any(end.ip for end in self.interfaces(host))

    def names(self) -> dict[str, list[str]]:
        """The addresses of all hosts that have any, by name."""
        found = {host: [end.ip.partition("/")[0] for end in self.interfaces(host) if end.ip] for host in self.hosts}
        return {host: addresses for host, addresses in found.items() if addresses}

    def lines(self) -> tuple[Line, ...]:
        """The links as a trace shows them."""
        return tuple(
            Line(link.name, (link.ends[0].host, link.ends[1].host), _in_words(link.properties)) for link in self.links
        )


_SHOWN = {"bw": "{} Mbit/s", "delay": "delay {}", "jitter": "jitter {}", "loss": "loss {} %"} | {
    "max_queue_size": "queue {}",
    "reorder": "reorder {} %",
    "duplicate": "duplicate {} %",
    "corrupt": "corrupt {} %",
    "mtu": "MTU {}",
    "serial": "a byte pipe",
}


def _in_words(properties: Mapping[str, Any]) -> str:
    return ", ".join(words.format(properties[key]) for key, words in _SHOWN.items() if properties.get(key))


def _interface(hosts: tuple[str, ...], host: str, number: int, longest: int, ip: str) -> Interface:
    address = f"02:00:00:00:{hosts.index(host) + 1:02x}:{number:02x}"
    return Interface(host, number, f"{host}-eth{number}", address, longest, ip)


def _ip(topology: Topo, link: Mapping[str, Any], end: str) -> str:
    """The address of one end of a link, as Mininet would set it: a host's own is its first interface's."""
    ip = (link.get(f"params{end}") or {}).get("ip")
    if link[f"port{end}"] == 0:
        ip = topology.nodeInfo(link[f"node{end}"]).get("ip") or ip
    return str(IPv4Interface(ip if "/" in ip else f"{ip}/8")) if ip else ""  # 8: Mininet's default


def _gateway(route: str) -> str:
    """The router of `via 10.0.0.254`, which may be followed by `dev …`."""
    via, gateway, *_ = *route.split(), "", ""
    if via != "via":
        raise ValueError(f"a default route is written 'via ADDRESS', not {route!r}")
    return str(IPv4Address(gateway))
