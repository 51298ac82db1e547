"""A host together with its programs: what whoever drives it has to do after each event, in one place.

Anything that happens to a host may answer what its programs wait for, and each answer may make something else happen.
`Machine` goes round until nothing happens any more, and keeps what has to be carried away: frames, and answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from netstack.calls import Program
from netstack.host import Host
from netstack.requests import Answer, Request
from netstack.tcp import State


@dataclass(slots=True, eq=False)
class Machine:
    """`host` and its programs, by names of the driver's choice. Times are seconds."""

    host: Host
    programs: dict[str, Program] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """From now on there is a program `name`."""
        self.programs[name] = Program(self.host)

    def end(self, name: str, *, now: float) -> None:
        """The program `name` exists no more; its sockets are closed as a kernel closes them."""
        if (program := self.programs.pop(name, None)) is not None:
            program.end(now=now)
            self._settle(now)

    def request(self, name: str, request: Request, *, now: float) -> None:
        """The program `name` makes a system call."""
        self.programs[name].request(request, now=now)
        self._settle(now)

    def receive(self, interface: int, frame: bytes, *, now: float) -> None:
        """A frame has come."""
        self.receive_burst(interface, (frame,), now=now)

    def receive_burst(self, interface: int, frames: Iterable[bytes], *, now: float) -> None:
        """Several frames have come at once; answers are made when all have been taken in."""
        self.host.receive_burst(interface, frames, now=now)
        self._settle(now)

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return self.host.next_timer()

    @property
    def at_rest(self) -> bool:
        """Whether the host, left to itself, would do nothing but forget connections that are over."""
        over = all(connection.state is State.TIME_WAIT for connection in self.host.ports.connections.values())
        return over and self.host.internet.next_timer() is None  # nor is a neighbour looked for

    def handle_timer(self, *, now: float) -> None:
        """Do what is due."""
        self.host.handle_timer(now=now)
        self._settle(now)

    def _settle(self, now: float) -> None:
        while touched := self.host.touched():
            for program in self.programs.values():
                program.look_at(touched, now=now)

    def frames_to_send(self) -> list[tuple[int, bytes]]:
        """Frames to be sent now, with their interfaces' numbers."""
        return self.host.frames_to_send()

    def has_news(self, name: str) -> bool:
        """Whether `answers` may have something for the program `name`."""
        program = self.programs.get(name)
        return program is not None and program.has_news

    def answers(self, name: str, *, now: float) -> list[Answer]:
        """What the program `name` must be told now, before it says anything else; then see to `frames_to_send`."""
        answers = self.programs[name].answers(now=now) if self.has_news(name) else []
        self._settle(now)
        return answers
