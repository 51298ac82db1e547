"""`sim`: a scene played in virtual time, the same each time, on any machine.

Programs are processes; the judge owns the wires and the clock. It keeps one heap of things to come, moves to the
earliest, hands each program what has arrived for it, and lets it run until all its tasks are blocked (the turn-taking
of `labs.testbed.channel`). Programs take their turns one at a time, in the order of the scene, so nothing depends on
how fast a machine is or how its kernel schedules.

What always holds: time never goes back; a frame arrives after the turn in which it was sent; a program has at most one
turn at a time. A program that does not give back its turn, or uses more than the scene allows, is stopped and the play
ends; the trace says why. All that comes from a program is taken as hostile.
"""

import hashlib
import heapq
import select
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from labs.story.trace import Event, Exit, FrameEvent, Note, Recorder, Trace
from labs.testbed.cast import Cast, CastError, Running
from labs.testbed.channel import (
    NEVER,
    VERSION,
    Ask,
    ChannelError,
    Decoder,
    Deliver,
    End,
    Frame,
    Grant,
    Message,
    Start,
    Stop,
    Wait,
    encode,
)
from labs.testbed.channel import Note as Noted
from labs.testbed.ports import JudgesEnd
from labs.testbed.scene import Acting, Interface, Limits, Link, Peer, Plan, Port, Program, Scene, Send
from netstack.wire import Fate, Fault, Wire

SILENCE = 2.0  # real seconds in which a program must give back its turn
NOTE_LENGTH = 500


@dataclass(slots=True, kw_only=True)
class Played:
    """A trace, and what does not belong in it: the last lines that each program printed, by (host, program).

    `unmet` are scripted faults whose frame was never offered.
    """

    trace: Trace
    output: dict[tuple[str, str], str]
    unmet: tuple[Fault, ...]


class Stopped(Exception):
    """A program must be stopped; the text says what it did."""


def play(
    scene: Scene,
    cast: Cast,
    *,
    seed: int,
    script: Sequence[Fault] = (),
    chance: bool = True,
    watch: Callable[[Event], None] | None = None,
) -> Played:
    """Play `scene` with `cast`'s programs, and return what the judge saw.

    `script` adds to the scene's own; with `chance=False` the links' probabilities are left out of play. `watch` is
    called with each event as it is recorded.
    """
    plan = Plan.of(scene.topology())
    trace = Trace(scene=scene.name, seed=seed, testbed="sim", hosts=plan.hosts, lines=plan.lines())
    stage = _Stage(scene, plan, Recorder(trace, watch=watch), seed, (*scene.script, *script), chance)
    try:
        stage.enter_all(cast)
        stage.run()
    finally:
        stage.leave_all()
    unmet = tuple(fault for wire in stage.wires.values() for fault in wire.unmet())
    output = {(actor.host, actor.name): actor.last_words() for actor in stage.actors}
    return Played(trace=trace, output=output, unmet=unmet)


class _Actor(Protocol):
    """Who takes turns: a program's process, or a host that the judge plays."""

    host: str
    name: str
    wakes_at: int
    ended: bool

    def turn(self, now: int, arrived: Iterable[Message]) -> Iterator[Message]: ...
    def leave(self, now: int) -> Exit | None: ...
    def last_words(self) -> str: ...


@dataclass(slots=True)
class _Process:
    """A program in a process of its own."""

    host: str
    name: str
    running: Running
    wakes_at: int = 0
    ended: bool = False
    _decoder: Decoder = field(default_factory=Decoder)

    def begin(self, settings: dict[str, Any]) -> None:
        self.running.channel.setblocking(False)
        self._send(encode(Start(settings)))
        for message in self._until_wait():
            if isinstance(message, End):
                raise Stopped("it ended before it began")

    def turn(self, now: int, arrived: Iterable[Message]) -> Iterator[Message]:
        """Give the program its turn, and yield what it does, until it gives the turn back or ends."""
        self._send(b"".join(map(encode, arrived)) + encode(Grant(now)))
        yield from self._until_wait()

    def _until_wait(self) -> Iterator[Message]:
        while True:
            for message in self._decoder.feed(self._read()):
                match message:
                    case Wait(deadline):
                        self.wakes_at = deadline
                        return
                    case End():
                        self.ended = True
                        yield message
                        return
                    case _:
                        yield message

    def _read(self) -> bytes:
        """Wait for bytes from the program, and take in what it prints meanwhile."""
        poller = select.poll()
        poller.register(self.running.channel, select.POLLIN)
        if self.running.output_fd >= 0:
            poller.register(self.running.output_fd, select.POLLIN)
        silent_until = time.monotonic() + SILENCE
        while True:
            ready = dict(poller.poll(max(0.0, silent_until - time.monotonic()) * 1000))
            if self.running.output_fd in ready and not self._printed():
                poller.unregister(self.running.output_fd)
            if self.running.channel.fileno() in ready:
                return self._receive()
            if time.monotonic() >= silent_until:
                raise Stopped(self._stuck())

    def _receive(self) -> bytes:
        try:
            data = self.running.channel.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            raise Stopped(self._gone())
        return data

    def _printed(self) -> bool:
        goes_on = self.running.read_output()
        if self.running.output.exceeded:
            raise Stopped(f"it printed more than {self.running.output.limit} bytes")
        return goes_on

    def _stuck(self) -> str:
        where = self.running.where_stuck()
        return f"it ran for {SILENCE:g} s of real time without ever waiting" + (f" ({where})" if where else "")

    def _gone(self) -> str:
        status = self.running.end()
        return (
            f"its process ended with a signal ({-status})" if status < 0 else f"its process exited with status {status}"
        )

    def _send(self, data: bytes) -> None:
        self.running.channel.setblocking(True)
        self.running.channel.settimeout(SILENCE)
        try:
            self.running.channel.sendall(data)
        except TimeoutError:
            raise Stopped(self._stuck()) from None
        except OSError:
            raise Stopped(self._gone()) from None
        finally:
            if self.running.channel.fileno() >= 0:
                self.running.channel.setblocking(False)

    def leave(self, now: int) -> Exit | None:
        """Cancel `main` if it still runs, end the process, and return the event of its end if there was none yet."""
        if self.ended:
            self.running.end()
            return None
        how, detail = "cancelled", ""
        try:
            end = next((m for m in self.turn(now, [Stop()]) if isinstance(m, End)), None)
            if end is not None and end.how == "raised":
                how, detail = "raised", end.detail
        except (Stopped, ChannelError) as error:
            how, detail = "died", str(error)
        self.running.end()
        self.ended = True
        return Exit(now, self.host, self.name, how, detail)  # type: ignore[arg-type]

    def last_words(self) -> str:
        return self.running.output.text


@dataclass(slots=True)
class _Acted:
    """A host that the judge plays itself, in this process."""

    host: str
    name: str
    peer: Peer
    wakes_at: int = 0
    ended: bool = False

    def turn(self, now: int, arrived: Iterable[Message]) -> Iterator[Message]:
        sends: list[Send] = []
        for message in arrived:
            if isinstance(message, Frame):
                sends.extend(self.peer.receive(message.link, message.data, now=now))
        if (due := self.peer.next_timer()) is not None and due <= now:
            sends.extend(self.peer.handle_timer(now=now))
        due = self.peer.next_timer()
        self.wakes_at = NEVER if due is None else due
        yield from (Frame(send.link, send.frame) for send in sends)

    def leave(self, now: int) -> Exit | None:
        return None

    def last_words(self) -> str:
        return ""


@dataclass(slots=True)
class _Stage:
    """One play while it goes on."""

    scene: Scene
    plan: Plan
    recorder: Recorder
    seed: int
    script: tuple[Fault, ...]
    chance: bool
    actors: list[_Actor] = field(default_factory=list)
    wires: dict[tuple[str, int], Wire] = field(default_factory=dict)
    now: int = 0
    _ends: dict[str, tuple[Interface, ...]] = field(default_factory=dict)
    _across: dict[tuple[str, int], Interface] = field(default_factory=dict)
    _ports: dict[tuple[str, str], list[JudgesEnd]] = field(default_factory=dict)
    _coming: list[tuple[int, int, Interface, bytes]] = field(default_factory=list)
    _inboxes: dict[str, list[Message]] = field(default_factory=dict)
    _sequence: int = 0
    _frames: int = 0
    _exchanges: int = 0
    _ends_at: int | None = None

    def __post_init__(self) -> None:
        for link in self.plan.links:
            self._lay(link)
        for host in self.plan.hosts:
            self._ends[host] = self.plan.interfaces(host)

    def _lay(self, link: Link) -> None:
        for end, other in (link.ends, link.ends[::-1]):
            self._across[end.host, end.number] = other
            self.wires[end.host, end.number] = Wire(
                direction=link.direction(end.host),
                link=link.name,
                profile=link.profile,
                script=self.script,
                seed=self.seed,
                chance=self.chance,
                classify=self.scene.classify,
            )

    # Before and after -------------------------------------------------------------------------------------------------

    def enter_all(self, cast: Cast) -> None:
        """Start every program; one that cannot be started ends the play before it begins."""
        for member in self.scene.programs:
            if isinstance(member, Acting):
                self.actors.append(_Acted(member.host, member.name, member.make()))
                continue
            ports = [port for port in self.scene.ports if (port.host, port.program) == (member.host, member.name)]
            self._ports[member.host, member.name] = [
                JudgesEnd(port, number, self.recorder) for number, port in enumerate(ports)
            ]
            running = cast.start(member.host, command=member.command, output_bytes=self.scene.limits.output_bytes)
            process = _Process(member.host, member.name, running)
            self.actors.append(process)
            try:
                process.begin(self._settings(member, ports))
            except (Stopped, ChannelError, CastError) as error:
                self._stop(process, str(error))

    def _settings(self, program: Program, ports: Sequence[Port]) -> dict[str, Any]:
        return start_settings(self.scene, self.plan, program, ports, seed=self.seed, clock="virtual")

    def leave_all(self) -> None:
        for actor in self.actors:
            left = actor.leave(self.now)
            if left is not None:
                self.recorder.add(left)

    def _stop(self, actor: _Actor, reason: str) -> None:
        self.recorder.add(Exit(self.now, actor.host, actor.name, "stopped", reason))
        actor.ended = True
        self._finish(f"{actor.name} on {actor.host} had to be stopped: {reason}")

    def _finish(self, reason: str) -> None:
        if not self.recorder.trace.ended:
            self.recorder.trace.ended = reason
            self.recorder.trace.ended_at = self.now

    # While it goes on -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Play until nothing can happen any more, enough has been delivered, or a limit is reached."""
        limits = self.scene.limits
        real_end = time.monotonic() + limits.real_seconds
        while not self.recorder.trace.ended:
            upcoming = self._next_time()
            if upcoming is None:
                self._finish("nothing more could happen")
            elif self._ends_at is not None and upcoming > self._ends_at:
                self._finish("all that was waited for has been delivered")
            elif upcoming > limits.time:
                self.now = limits.time
                self._finish("the time limit")
            elif time.monotonic() > real_end:
                self._finish(f"the limit of {limits.real_seconds:g} s of real time")
            else:
                self.now = max(self.now, upcoming)
                self._act(limits)

    def _next_time(self) -> int | None:
        times = [actor.wakes_at for actor in self.actors if not actor.ended]
        times += [due for ends in self._ports.values() for end in ends if (due := end.next_due()) is not None]
        if self._coming:
            times.append(self._coming[0][0])
        earliest = min(times, default=NEVER)
        return None if earliest >= NEVER else earliest

    def _act(self, limits: Limits) -> None:
        """Let everything happen that is due now."""
        self._inboxes = {}
        while self._coming and self._coming[0][0] <= self.now:
            _, _, interface, frame = heapq.heappop(self._coming)
            self._inboxes.setdefault(interface.host, []).append(Frame(interface.number, frame))
        for actor in self.actors:
            if actor.ended or self.recorder.trace.ended:
                continue
            arrived = [*self._inboxes.get(actor.host, ()), *self._from_ports(actor)]
            if arrived or actor.wakes_at <= self.now:
                self._exchanges += 1
                self._take_turn(actor, arrived)
        if self._exchanges > limits.exchanges:
            self._finish(f"the limit of {limits.exchanges} exchanges")
        ends = [end for ends in self._ports.values() for end in ends if end.port.enough is not None]
        if ends and self._ends_at is None and all(end.satisfied for end in ends):
            self._ends_at = self.now + limits.grace

    def _from_ports(self, actor: _Actor) -> Iterator[Message]:
        for end in self._ports.get((actor.host, actor.name), ()):
            yield from end.advance(now=self.now)

    def _take_turn(self, actor: _Actor, arrived: Sequence[Message]) -> None:
        try:
            for message in actor.turn(self.now, arrived):
                self._obey(actor, message)
        except (Stopped, ChannelError) as error:
            self._stop(actor, str(error))

    def _obey(self, actor: _Actor, message: Message) -> None:
        match message:
            case Frame(number, data):
                self._transmit(actor, number, data)
            case Ask(number):
                self._port(actor, number).ask()
            case Deliver(number, payload):
                self._port(actor, number).deliver(payload, now=self.now)
            case Noted(text):
                self.recorder.add(Note(self.now, actor.host, actor.name, text[:NOTE_LENGTH]))
            case End(how, detail):
                self.recorder.add(Exit(self.now, actor.host, actor.name, how, detail))  # type: ignore[arg-type]
                if how == "raised":
                    self._finish(f"{actor.name} on {actor.host} raised an exception")
            case _:
                raise ChannelError("a program sent a message that only a judge sends")

    def _port(self, actor: _Actor, number: int) -> JudgesEnd:
        ends = self._ports.get((actor.host, actor.name), [])
        if number >= len(ends):
            raise ChannelError(f"it spoke to application port {number}, which it does not have")
        return ends[number]

    def _transmit(self, actor: _Actor, number: int, data: bytes) -> None:
        if (actor.host, number) not in self.wires:
            raise ChannelError(f"it sent on link {number}, which it does not have")
        self._frames += 1
        if self._frames > self.scene.limits.frames:
            raise Stopped(f"more than {self.scene.limits.frames} frames were sent")
        wire = self.wires[actor.host, number]
        fate = wire.offer(data, now=self.now)
        self.recorder.add(frame_event(self.now, wire.direction, data, fate))
        for delivery in fate.deliveries:
            self._sequence += 1
            heapq.heappush(
                self._coming, (delivery.at, self._sequence, self._across[actor.host, number], delivery.frame)
            )


def frame_event(now: int, direction: str, data: bytes, fate: Fate) -> FrameEvent:
    """The trace's record of a frame and its fate."""
    arrived = fate.deliveries[0].frame if fate.deliveries and fate.deliveries[0].frame != data else None
    return FrameEvent(
        now,
        direction,
        fate.kind,
        fate.index,
        data,
        fate.lost,
        tuple(map(str, fate.faults)),
        tuple(delivery.at for delivery in fate.deliveries),
        arrived,
    )


def start_settings(
    scene: Scene, plan: Plan, program: Program, ports: Sequence[Port], *, seed: int, clock: str
) -> dict[str, Any]:
    """The settings of a program's `Start`, as docs/channel.md describes them. `clock` is `virtual` or `real`.

    The program's own seed is a hash, so that it does not give away the seed from which its wires and payloads come.
    """
    links = [
        {"name": end.name, "address": end.address, "longest": end.longest} for end in plan.interfaces(program.host)
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
    }
