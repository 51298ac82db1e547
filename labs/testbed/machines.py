"""The hosts of a play that have an IP address: the TCP/IP of each lives in the judge, one for all programs of the host.

Pure, as `netstack.machine` is: it is handed frames, requests and the time, and says what is to be sent and to be told.
Times are the judge's nanoseconds here, and seconds below.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface

from labs.testbed.channel import NEVER
from labs.testbed.scene import Interface as End
from labs.testbed.scene import Plan, Scene
from netstack.host import Host, Interface
from netstack.machine import Machine
from netstack.packets import number
from netstack.requests import Answer, Request
from netstack.tcp import Settings
from netstack.wire import ETHERNET_HEADER, SECOND


@dataclass(slots=True)
class Machines:
    """All hosts with TCP/IP, by name. To tell them of a host that has none is allowed, and changes nothing."""

    machines: Mapping[str, Machine] = field(default_factory=dict)
    links: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """The numbers of a host's links that have an address, in the order of its interfaces."""

    @classmethod
    def of(cls, scene: Scene, plan: Plan, seed: int) -> "Machines":
        """The hosts that `plan` gives addresses to. Their randomness depends on the seed and their names alone."""
        ends = {host: [end for end in plan.interfaces(host) if end.ip] for host in plan.hosts if plan.has_ip(host)}
        return cls(
            {
                host: Machine(
                    Host(
                        interfaces=[_interface(end) for end in found],
                        randomness=random.Random(f"host {host} {seed}"),
                        settings=scene.tcp.get(host, Settings()),
                        forwards=host in plan.forwarding,
                        gateway=number(plan.gateways[host]) if host in plan.gateways else None,
                    )
                )
                for host, found in ends.items()
            },
            {host: [end.number for end in found] for host, found in ends.items()},
        )

    def __contains__(self, host: str) -> bool:
        return host in self.machines

    def start(self, host: str, program: str) -> None:
        """There is a program on `host`."""
        if host in self.machines:
            self.machines[host].start(program)

    def end(self, host: str, program: str, *, now: int) -> None:
        """A program has ended, one way or another: its sockets are closed as a kernel closes them."""
        if host in self.machines:
            self.machines[host].end(program, now=now / SECOND)

    def receive(self, host: str, link: int, frame: bytes, *, now: int) -> None:
        """A frame has reached `host`."""
        if link in self.links.get(host, ()):
            self.machines[host].receive(self.links[host].index(link), frame, now=now / SECOND)

    def request(self, host: str, program: str, request: Request, *, now: int) -> None:
        """A program makes a system call; raises `LookupError` where there is no TCP/IP."""
        self.machines[host].request(program, request, now=now / SECOND)

    def answers(self, host: str, program: str, *, now: int) -> list[Answer]:
        """What a program must be told now, before it says anything else."""
        return self.machines[host].answers(program, now=now / SECOND) if host in self.machines else []

    def frames_to_send(self) -> Iterator[tuple[str, int, bytes]]:
        """What is to be sent now: hosts, the numbers of their links, and frames."""
        for host, machine in self.machines.items():
            for interface, frame in machine.frames_to_send():
                yield host, self.links[host][interface], frame

    def next_due(self) -> int:
        """When `handle_timers` wants to be called: 0 if a program has something to be told; `NEVER` if never."""
        due = NEVER
        for machine in self.machines.values():
            if any(program.has_news for program in machine.programs.values()):
                return 0
            if (timer := machine.next_timer()) is not None:
                due = min(due, _not_before(timer))
        return due

    def at_rest(self) -> bool:
        """Whether these hosts, left to themselves, would do nothing but forget connections that are over."""
        return self.next_due() > 0 and all(machine.at_rest for machine in self.machines.values())

    def handle_timers(self, *, now: int) -> None:
        """Do what is due."""
        for machine in self.machines.values():
            timer = machine.next_timer()
            if timer is not None and _not_before(timer) <= now:
                machine.handle_timer(now=max(timer, now / SECOND))  # for now / SECOND may be a little less than meant


def _not_before(timer: float) -> int:
    """The first nanosecond that is not before `timer`."""
    return -int(-timer * SECOND // 1)


def _interface(end: End) -> Interface:
    ip = IPv4Interface(end.ip)
    mac = bytes.fromhex(end.address.replace(":", ""))
    return Interface(end.name, mac, int(ip), ip.network.prefixlen, end.longest - ETHERNET_HEADER)
