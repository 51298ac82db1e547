"""`sim`: a scene played in virtual time, the same each time, on any machine.

Programs are processes; the judge owns the wires and the clock. It keeps one heap of things to come, moves to the
earliest, hands each program what has arrived for it, and lets it run until all its tasks are blocked (the turn-taking
of `labs.testbed.channel`). Programs take their turns one at a time, in the order of the scene, so nothing depends on
how fast a machine is or how its kernel schedules.

What always holds: time never goes back; a frame arrives after the turn in which it was sent; a program has at most one
turn at a time. Each program on a host sees each frame that arrives there, as packet sockets do. A program that raises,
dies, does not give back its turn, or uses more than the scene allows, ends the play; the trace says why.

The TCP/IP of a host that has an IP address lives here too (`labs.testbed.machines`). What a program asks of it takes
effect at once; what it answers, the program hears in its next turn, which may be at the same time.
"""

import hashlib
import heapq
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from labs.story.trace import Event, Exit, Note, Recorder, Trace
from labs.testbed.actors import Acted, Actor, Process, Stopped
from labs.testbed.cast import Cast
from labs.testbed.channel import NEVER, VERSION, Ask, ChannelError, Deliver, End, Frame, Message
from labs.testbed.channel import Note as Noted
from labs.testbed.machines import Machines
from labs.testbed.pausing import Pausing
from labs.testbed.ports import JudgesEnd
from labs.testbed.scene import Acting, Plan, Port, Program, Scene
from labs.testbed.wiring import Arrival, Wiring
from netstack.requests import Request
from netstack.wire import Fault

NOTE_LENGTH = 500


@dataclass(slots=True, kw_only=True)
class Played:
    """A trace, and what does not belong in it: the last lines that each program printed, by (host, program).

    `unmet` are scripted faults whose frame was never offered. `overrun` says that the play was broken off because it
    took too much real time, which may be this machine's fault; it is empty otherwise.
    """

    trace: Trace
    output: dict[tuple[str, str], str]
    unmet: tuple[Fault, ...]
    overrun: str = ""


def play(
    scene: Scene,
    cast: Cast,
    *,
    seed: int,
    script: Sequence[Fault] = (),
    chance: bool = True,
    watch: Callable[[Event], None] | None = None,
) -> Played:
    """Play `scene` with `cast`'s programs, and return what the judge saw; raises `CastError` when none can be started.

    `script` adds to the scene's own; with `chance=False` the links' probabilities are left out of play. `watch` is
    called with each event as it is recorded.
    """
    plan = Plan.of(scene.topology())
    trace = Trace(scene=scene.name, seed=seed, testbed="sim", hosts=plan.hosts, lines=plan.lines())
    recorder = Recorder(trace, watch=watch)
    wiring = Wiring(
        plan=plan,
        recorder=recorder,
        classify=scene.classify,
        script=(*scene.script, *script),
        seed=seed,
        chance=chance,
    )
    stage = Stage(scene, plan, recorder, wiring, Machines.of(scene, plan, seed), _pausing(scene))
    try:
        stage.enter_all(cast, seed)
        stage.run()
        stage.leave_all()
    finally:
        stage.end_all()
    output = {(actor.host, actor.name): actor.last_words() for actor in stage.actors}
    return Played(trace=trace, output=output, unmet=wiring.unmet(), overrun=stage.overrun)


def _pausing(scene: Scene) -> Pausing:
    programs = (each for each in scene.programs if isinstance(each, Program) and each.pauses)
    return Pausing({(each.host, each.name): each.pauses for each in programs})


@dataclass(slots=True)
class Stage:
    """One play while it goes on."""

    scene: Scene
    plan: Plan
    recorder: Recorder
    wiring: Wiring
    machines: Machines = field(default_factory=Machines)
    pausing: Pausing = field(default_factory=Pausing)
    actors: list[Actor] = field(default_factory=list)
    overrun: str = ""
    now: int = 0
    _ports: dict[tuple[str, str], list[JudgesEnd]] = field(default_factory=dict)
    _kills: list[tuple[int, Actor]] = field(default_factory=list)
    _coming: list[tuple[int, int, Arrival]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=itertools.count)
    _frames: int = 0
    _ends_at: int | None = None

    # Before and after -------------------------------------------------------------------------------------------------

    def enter_all(self, cast: Cast, seed: int) -> None:
        """Start every program; one that cannot get ready ends the play before it begins."""
        for member in self.scene.programs:
            if isinstance(member, Acting):
                self.actors.append(Acted(member.host, member.name, member.make()))
            else:
                self._enter(member, cast, seed)

    def _enter(self, program: Program, cast: Cast, seed: int) -> None:
        ports = self._open_ports(program)
        limits = self.scene.limits
        running = cast.start(program.host, command=cast.command(program), output_bytes=limits.output_bytes)
        process = Process(program.host, program.name, running, limits, has_links=has_links(self.plan, program))
        self.actors.append(process)
        self.machines.start(program.host, program.name)
        if program.killed is not None:
            self._kills.append((program.killed, process))
        try:
            process.begin(start_settings(self.scene, self.plan, program, ports, seed=seed, clock="virtual"))
        except (Stopped, ChannelError) as error:
            self._stop(process, error)

    def _open_ports(self, program: Program) -> Sequence[Port]:
        """Take the judge's place at a program's application ports; return them, in the order of their numbers."""
        ports = [port for port in self.scene.ports if (port.host, port.program) == (program.host, program.name)]
        ends = [JudgesEnd(port, number, self.recorder) for number, port in enumerate(ports)]
        self._ports[program.host, program.name] = ends
        return ports

    def leave_all(self) -> None:
        """Cancel every program that still runs, and record how it ended."""
        for actor in self.actors:
            if not actor.ended and (event := actor.leave(self.now)) is not None:
                self.recorder.add(event)

    def end_all(self) -> None:
        """End every program's process, without a word: after it has left, or because we were interrupted."""
        with ExitStack() as ending:  # a second interruption at one of them does not spare the others
            for actor in self.actors:
                ending.callback(actor.end)

    def _stop(self, actor: Actor, error: Stopped | ChannelError) -> None:
        how = error.how if isinstance(error, Stopped) else "stopped"
        self.recorder.add(Exit(self.now, actor.host, actor.name, how, str(error)))
        actor.ended = True
        self._finish(f"{actor.name} on {actor.host} {_ENDED[how]}: {error}")

    def _finish(self, reason: str) -> None:
        trace = self.recorder.trace
        if not trace.ended:
            trace.ended, trace.ended_at = reason, self.now

    # While it goes on -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Play until nothing can happen any more, enough has been delivered, or a limit is reached."""
        limits = self.scene.limits
        real_end = time.monotonic() + limits.real_seconds
        while not self.recorder.trace.ended:
            upcoming = self._next_time()
            if upcoming >= NEVER:
                self._finish("nothing more could happen")
            elif self._ends_at is not None and upcoming > self._ends_at:
                self._finish("all that was waited for has been delivered")
            elif upcoming > limits.time:
                self.now = limits.time
                self._finish("the time limit")
            elif time.monotonic() > real_end:
                self.overrun = f"the play took more than {limits.real_seconds:g} s of real time"
                self._finish(self.overrun)
            else:
                self.now = max(self.now, upcoming)
                self._act()

    def _next_time(self) -> int:
        """When the next thing happens; `NEVER` when nothing will."""
        earliest = self._coming[0][0] if self._coming else NEVER
        for at, actor in self._kills:
            if at < earliest and not actor.ended:
                earliest = at
        for actor in self.actors:
            if not actor.ended and (at := self.pausing.wakes_at((actor.host, actor.name), actor.wakes_at)) < earliest:
                earliest = at
        for ends in self._ports.values():
            for end in ends:
                if (due := end.next_due()) is not None and due < earliest:
                    earliest = due
        if earliest == NEVER and self.machines.at_rest():
            return NEVER
        return min(earliest, self.machines.next_due())

    def _act(self) -> None:
        """Let everything happen that is due now."""
        self._kill()
        inboxes: dict[str, list[Message]] = {}
        while self._coming and self._coming[0][0] <= self.now:
            _, _, arrival = heapq.heappop(self._coming)
            host, number = arrival.interface.host, arrival.interface.number
            self.machines.receive(host, number, arrival.frame, now=self.now)
            inboxes.setdefault(host, []).append(Frame(number, arrival.frame))
        self.machines.handle_timers(now=self.now)
        self._send_from_machines()
        for actor in self.actors:
            if self.recorder.trace.ended:
                break
            # People go on asking and reading at the ports of a program that has ended; nobody is there to be told.
            frames = inboxes.get(actor.host, ()) if actor.has_links else ()
            arrived = [*frames, *self.machines.answers(actor.host, actor.name, now=self.now), *self._from_ports(actor)]
            told = None if actor.ended else self.pausing.arrive((actor.host, actor.name), arrived, now=self.now)
            if told or (told is not None and actor.wakes_at <= self.now):
                self._take_turn(actor, told)
            self._send_from_machines()
        if self._ends_at is None and self._satisfied():
            self._ends_at = self.now + self.scene.limits.grace

    def _kill(self) -> None:
        """End the programs whose time has come."""
        for at, actor in self._kills:
            if at <= self.now and not actor.ended:
                actor.kill()
                self._exit(actor, "killed")

    def _exit(self, actor: Actor, how: str, detail: str = "") -> None:
        """A program has ended while the others go on; its host closes its sockets."""
        actor.ended = True
        self.recorder.add(Exit(self.now, actor.host, actor.name, how, detail))  # type: ignore[arg-type]
        self.machines.end(actor.host, actor.name, now=self.now)

    def _send_from_machines(self) -> None:
        """Put on the wires what hosts send of their own accord."""
        try:
            for host, number, frame in self.machines.frames_to_send():
                self._put(host, number, frame)
        except Stopped as error:
            self._finish(str(error))

    def _from_ports(self, actor: Actor) -> Iterator[Message]:
        for end in self._ports.get((actor.host, actor.name), ()):
            yield from end.advance(now=self.now)

    def _satisfied(self) -> bool:
        """Whether every port that says how much is enough has had it, and there is such a port."""
        asking = [end for ends in self._ports.values() for end in ends if end.port.enough is not None]
        return bool(asking) and all(end.satisfied for end in asking)

    def _take_turn(self, actor: Actor, arrived: Sequence[Message]) -> None:
        actor.turns += 1
        try:
            if actor.turns > self.scene.limits.exchanges:
                raise Stopped(f"it took more than {self.scene.limits.exchanges:,} turns; does it sleep for no time?")
            for message in actor.turn(self.now, arrived):
                self._obey(actor, message)
        except (Stopped, ChannelError) as error:
            self._stop(actor, error)

    def _obey(self, actor: Actor, message: Message) -> None:
        match message:
            case Frame(number, data):
                self._transmit(actor, number, data)
            case Ask(number):
                self._port(actor, number).ask()
            case Deliver(number, payload):
                self._port(actor, number).deliver(payload, now=self.now)
            case Noted(text):
                self.recorder.add(Note(self.now, actor.host, actor.name, text[:NOTE_LENGTH]))
            case Request():
                self._request(actor, message)
            case End(how, detail):
                self._exit(actor, how, detail)
                if how == "raised":
                    self._finish(f"{actor.name} on {actor.host} {_ENDED[how]}")
            case _:
                raise ChannelError(f"it sent a {type(message).__name__}, which only the judge sends")

    def _port(self, actor: Actor, number: int) -> JudgesEnd:
        ends = self._ports.get((actor.host, actor.name), [])
        if number >= len(ends):
            raise ChannelError(f"it spoke to application port {number}, which it does not have")
        return ends[number]

    def _request(self, actor: Actor, request: Request) -> None:
        if actor.host not in self.machines:
            raise ChannelError("it asked for a socket, and its host has no IP address")
        self.machines.request(actor.host, actor.name, request, now=self.now)

    def _transmit(self, actor: Actor, number: int, data: bytes) -> None:
        try:
            if not actor.has_links:
                raise LookupError
            self._put(actor.host, number, data)
        except LookupError:
            raise ChannelError(f"it sent on link {number}, which it does not have") from None

    def _put(self, host: str, number: int, data: bytes) -> None:
        self._frames += 1
        if self._frames > self.scene.limits.frames:
            raise Stopped(f"more than {self.scene.limits.frames:,} frames were sent")
        for arrival in self.wiring.transmit(host, number, data, now=self.now):
            heapq.heappush(self._coming, (arrival.at, next(self._order), arrival))


_ENDED = {"raised": "raised an exception", "died": "ended all of a sudden", "stopped": "had to be stopped"}


def start_settings(
    scene: Scene, plan: Plan, program: Program, ports: Sequence[Port], *, seed: int, clock: str
) -> dict[str, Any]:
    """The settings of a program's `Start`, as docs/channel.md describes them. `clock` is `virtual` or `real`.

    The program's own seed is a hash, so that it does not give away the seed from which its wires and payloads come.
    """
    links = [
        {"name": end.name, "address": end.address, "longest": end.longest}
        for end in plan.interfaces(program.host)
        if has_links(plan, program)
    ]
    return {
        "version": VERSION,
        "time": clock,
        "seed": hashlib.blake2b(f"{seed}|{program.host}|{program.name}".encode(), digest_size=8).hexdigest(),
        "host": program.host,
        "program": program.name,
        "file": program.file,
        "arguments": dict(program.arguments),
        "links": links,
        "ports": [port.name for port in ports],
        "sockets": plan.has_ip(program.host),
        "names": plan.names(),
    }


def has_links(plan: Plan, program: Program) -> bool:
    """Whether a program has its host's links: not beside the host's own TCP/IP, unless it asks for that."""
    return program.raw or not plan.has_ip(program.host)
