"""`mininet`: a scene played on a real, emulated network, in real time.

The same scenes, programs and judge as on `sim` (`labs.testbed.sim`), but hosts are network namespaces, programs run
freely, and their frames cross real interfaces, between which the relay puts the scene's wires:

    program ── packet socket ── a-eth0 ══ relay (its wires) ══ b-eth0 ── packet socket ── program
       └─ channel ── judge: application ports, output, ends ──────────────────── channel ─┘

The judge and all of that live in an enclave of their own, so nothing is left behind. Time runs from the moment at which
every program is ready. A trace is as true as the clock of this machine: two plays of one scene differ, and so replay is
best effort. A link marked `serial` is no card: its programs get the ends of a byte pipe.

What always holds: the judge waits for no program. One that ends badly, or that says more than the scene allows, ends
the play; the trace says why. In the end programs are told to stop, get SIGTERM, and after a second SIGKILL.
"""

import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from labs.story.in_order import InOrder
from labs.story.trace import Event, FrameEvent, Recorder, Trace
from labs.testbed import enclave
from labs.testbed.actors import Actor, Stopped
from labs.testbed.cast import Cast
from labs.testbed.channel import NEVER, ChannelError, Frame
from labs.testbed.live import Acted, Live
from labs.testbed.network import Network
from labs.testbed.relay import Line, Record, Relay
from labs.testbed.scene import Acting, Interface, Plan, Program, Scene
from labs.testbed.sim import Played, Stage, has_links, start_settings
from labs.testbed.wiring import Wiring
from netstack.wire import MILLISECOND, SECOND, Fault

QUIET = 3 * SECOND  # how long nothing must happen before it is taken that nothing will
AGAIN = 10 * MILLISECOND  # how soon to try again what a program had no room to take
LONGEST_FRAME = 1 << 16


def why_not() -> str:
    """Why no emulated network can be had here; "" when one can."""
    return enclave.available() or ""


def play(
    scene: Scene,
    cast: Cast,
    *,
    seed: int,
    script: Sequence[Fault] = (),
    chance: bool = True,
    watch: Callable[[Event], None] | None = None,
    netem: bool = False,
) -> Played:
    """Play `scene` with `cast`'s programs in real time, and return what the judge saw; see `labs.testbed.sim.play`.

    `watch` is called in the enclave's process: what it prints is seen, what it remembers is not. It hears of each event
    a moment later, so that it hears of all in order. With `netem` the links are impaired by the kernel, whose chances
    no seed repeats; the wires then do only what the script says.
    """
    return enclave.call(_play, scene, cast, seed, (*scene.script, *script), chance, watch, netem)


def _play(
    scene: Scene,
    cast: Cast,
    seed: int,
    script: tuple[Fault, ...],
    chance: bool,
    watch: Callable[[Event], None] | None,
    netem: bool,
) -> Played:
    topology = scene.topology()
    plan = Plan.of(topology)
    if netem:
        plan = plan.unimpaired()
    trace = Trace(scene=scene.name, seed=seed, testbed="mininet", hosts=plan.hosts, lines=plan.lines())
    told = InOrder(watch) if watch is not None else None
    recorder = Recorder(trace, watch=told.add if told is not None else None)
    wiring = Wiring(plan=plan, recorder=recorder, classify=scene.classify, script=script, seed=seed, chance=chance)
    here = replace(cast, _zygotes={})  # those that there are belong to the caller, outside
    here.folder = cast.folder
    with Network(topology, netem=netem, tcp=scene.tcp) as network, ExitStack() as leaving:
        if told is not None:
            leaving.callback(told.flush)
        stage = _Stage(scene, plan, recorder, wiring, cables=Cables(network), told=told)
        leaving.callback(here.close)
        leaving.callback(stage.end_all)
        stage.enter_all(here, seed)
        stage.run()
        stage.leave_all()
    trace.events.sort(key=lambda event: event.at)  # frames are reported a moment after ports speak
    output = {(actor.host, actor.name): actor.last_words() for actor in stage.actors}
    return Played(trace=trace, output=output, unmet=stage.unmet)


@dataclass(slots=True)
class Cables:
    """The sockets at both ends of every interface: its host's, and the relay's."""

    network: Network
    _pipes: dict[str, tuple[socket.socket, socket.socket]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for link in self.network.plan.links:
            if link.properties.get("serial"):
                for end in link.ends:
                    self._pipes[end.name] = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def at_host(self, end: Interface) -> socket.socket:
        """A socket for one program on the interface's host. On a byte pipe, all programs share it."""
        if end.name in self._pipes:
            return self._pipes[end.name][0]
        return self.network.open_packet_socket(end.host, end.name)

    def lines(self, wiring: Wiring) -> list[Line]:
        """What the relay is to carry: both directions of every link."""
        ends = [end for link in self.network.plan.links for end in link.ends]
        sockets = {end.name: self._at_relay(end) for end in ends}
        return [
            Line(wiring.wire(end.host, end.number), sockets[end.name], sockets[other.name])
            for link in self.network.plan.links
            for end, other in (link.ends, link.ends[::-1])
        ]

    def _at_relay(self, end: Interface) -> socket.socket:
        return self._pipes[end.name][1] if end.name in self._pipes else self.network.open_relay_socket(end.name)


@dataclass(slots=True, kw_only=True)
class _Stage(Stage):
    """One play while it goes on: the judge's side of everything, in one loop."""

    cables: Cables
    told: InOrder | None = None
    unmet: tuple[Fault, ...] = ()
    players: list[Live | Acted] = field(default_factory=list)
    _relay: Relay | None = None
    _epoch: int = 0
    _poll: select.poll = field(default_factory=select.poll)
    _handlers: dict[int, Callable[[], bool]] = field(default_factory=dict)
    _busy_at: int = 0

    # Before and after -------------------------------------------------------------------------------------------------

    def enter_all(self, cast: Cast, seed: int) -> None:
        """Start every program, then the relay and the clock, then tell the programs to begin."""
        for member in self.scene.programs:
            self._admit(self._acted(member) if isinstance(member, Acting) else self._live(member, cast, seed))
        lines = self.cables.lines(self.wiring)
        self._epoch = time.time_ns()
        self._relay = relay = Relay(lines, epoch=self._epoch)
        self._watch(relay, lambda: self._take_records(relay))
        for player in self.players:
            if isinstance(player, Live):
                self._judged(player, player.begin)

    def _admit(self, player: Live | Acted) -> None:
        self.players.append(player)
        self.actors.append(player)
        for number, opened in enumerate(player.sockets):
            self._watch(opened, partial(self._take_frame, player, number, opened))

    def _acted(self, member: Acting) -> Acted:
        sockets = tuple(self.cables.at_host(end) for end in self.plan.interfaces(member.host))
        return Acted(member.host, member.name, member.make(), sockets)

    def _live(self, program: Program, cast: Cast, seed: int) -> Live:
        if program.pauses:
            raise ValueError(f"scene {self.scene.name!r}: only `sim` pauses a program")
        has = has_links(self.plan, program)
        sockets = tuple(self.cables.at_host(end) for end in self.plan.interfaces(program.host) if has)
        settings = start_settings(self.scene, self.plan, program, self._open_ports(program), seed=seed, clock="real")
        running = cast.start(
            program.host,
            command=cast.command(program),
            links=() if program.command else [opened.fileno() for opened in sockets],
            network=self.cables.network.host_pid(program.host),
            output_bytes=self.scene.limits.output_bytes,
        )
        live = Live(
            program.host, program.name, running, self.scene.limits, settings, sockets if program.command else ()
        )
        if program.killed is not None:
            self._kills.append((program.killed, live))
        self._watch(running.channel, partial(self._take_messages, live))
        self._watch(running.output_fd, partial(self._take_output, live))
        return live

    def leave_all(self) -> None:
        """End the relay, then every program, and record how those ended that still ran."""
        if self._relay is not None:
            self._record(self._relay.stop())
            self.recorder.trace.omitted += self._relay.omitted
            self.unmet = tuple(map(Fault.parse, self._relay.unmet))
        for player in self.players:
            if isinstance(player, Live):
                self._judged(player, player.ask_to_stop)
        Stage.leave_all(self)

    # While it goes on -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Play until enough has been delivered, nothing happens any more, or a limit is reached."""
        while not self.recorder.trace.ended:
            self._tick()
            self._speak()
            if self.told is not None:
                self.told.release(self.now)
            self._look_for_an_end()
            if not self.recorder.trace.ended:
                for descriptor, _ in self._poll.poll(self._milliseconds_to_wait()):
                    self._handle(descriptor)

    def _tick(self) -> None:
        self.now = max(self.now, time.time_ns() - self._epoch)

    def _handle(self, descriptor: int) -> None:
        self._tick()
        self._busy_at = self.now
        if not self._handlers[descriptor]():
            self._poll.unregister(descriptor)

    def _watch(self, what: Any, handler: Callable[[], bool]) -> None:
        """Call `handler` when there is something to read, until it returns False."""
        self._poll.register(what, select.POLLIN)
        self._handlers[what if isinstance(what, int) else what.fileno()] = handler

    def _speak(self) -> None:
        """Do what is due, at the application ports and on the judge's own hosts, and go on telling slow programs."""
        self._kill()
        for player in self.players:
            if isinstance(player, Acted):
                player.handle_timer(self.now)
                continue
            messages = list(self._from_ports(player))
            if messages:
                self._busy_at = self.now
            if not player.ended and (messages or player.unsent):
                self._judged(player, partial(player.tell, messages))
        if self._ends_at is None and self._satisfied():
            self._ends_at = self.now + self.scene.limits.grace

    def _look_for_an_end(self) -> None:
        if self._ends_at is not None and self.now >= self._ends_at:
            self._finish("all that was waited for has been delivered")
        elif self.now >= self.scene.limits.time:
            self._finish("the time limit")
        elif self.now >= self._quiet_at():
            self._finish(f"nothing happened for {(self.now - self._busy_at) / SECOND:.1f} s")

    def _next_due(self) -> int:
        """When the judge next has to speak of its own accord."""
        dues = [end.next_due() for ends in self._ports.values() for end in ends]
        dues += [at for at, actor in self._kills if not actor.ended]
        dues += [player.peer.next_timer() for player in self.players if isinstance(player, Acted)]
        return min((due for due in dues if due is not None), default=NEVER)

    def _quiet_at(self) -> int:
        """When it will have been quiet for so long that nothing more can be expected."""
        if self._next_due() < NEVER:
            return NEVER
        over = all(player.ended for player in self.players if isinstance(player, Live))
        return self._busy_at + (self.scene.limits.grace if over else QUIET)

    def _milliseconds_to_wait(self) -> float:
        until = min(self.scene.limits.time, self._next_due(), self._quiet_at(), self._ends_at or NEVER)
        if any(isinstance(player, Live) and player.unsent for player in self.players):
            until = min(until, self.now + AGAIN)
        if self.told is not None and (due := self.told.next_due()) is not None:
            until = min(until, due)
        return max(0, until - self.now) / MILLISECOND

    def _judged(self, player: Live, action: Callable[[], object]) -> object:
        """Do something with a program, and return what that returns; None when it showed that it must be stopped."""
        try:
            return action()
        except (Stopped, ChannelError) as error:
            if not player.ended:
                self._stop(player, error)
        return None

    def _take_messages(self, player: Live) -> bool:
        def obey_all() -> None:
            for message in player.receive():
                self._obey(player, message)

        self._judged(player, obey_all)
        return not player.ended

    def _take_output(self, player: Live) -> bool:
        return bool(self._judged(player, player.take_output))

    def _take_records(self, relay: Relay) -> bool:
        self._record(relay.records())
        if relay.ended:
            self._finish("the relay ended, which is a defect of ours")
        return not relay.ended

    def _record(self, seen: Iterable[Record]) -> None:
        for record in seen:
            self.recorder.add(FrameEvent(*record))
            self._frames += 1
            if self._frames > self.scene.limits.frames:
                self._finish(f"more than {self.scene.limits.frames:,} frames were sent")

    def _transmit(self, actor: Actor, number: int, data: bytes) -> None:
        """Put on the wire what a program sends that has no sockets of its own."""
        sockets = actor.sockets if isinstance(actor, Live) else ()
        if number >= len(sockets):
            raise ChannelError(f"it sent on link {number}, which the judge does not carry for it")
        with suppress(OSError):  # too long for the card, or the card is overrun
            sockets[number].send(data)

    def _take_frame(self, player: Live | Acted, number: int, opened: socket.socket) -> bool:
        """A frame for a host that the judge plays, or for a program whose sockets the judge holds."""
        frame = opened.recv(LONGEST_FRAME)
        if isinstance(player, Acted):
            player.receive(number, frame, self.now)
        elif not player.ended:
            self._judged(player, partial(player.tell, [Frame(number, frame)]))
        return True
