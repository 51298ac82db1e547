"""Hosts as tasks of one process, in virtual time: for tests, notebooks and benches, whose code we trust.

`sim` gives each program a process, because it trusts none. Where that is not needed, a host is a trio task, and the
clock *jumps*: when no task can run, time moves on to what comes next, a deadline of trio's or a call that somebody has
put on a heap. A frame under way is a call on the heap, not a task that sleeps, for a sleep costs trio ten times as much
(a cancel scope, and an entry in a heap of its own).

    async def ping(host):
        await host.link.send(b"ping")
        print(await host.link.receive(), "at", trio.current_time())

    trace = play(scene, {"a": ping, "b": pong}, seed=1)

`play` takes the same scenes as `sim` and gives the same kind of trace; programs are functions. On a host that has an IP
address a function, and the tasks that it starts, have its sockets. `run` is for whoever builds on the clock alone. In
both, trio's scheduler and `random` are seeded, and when nothing can happen any more, or
the time is up, `main` is cancelled. Nothing may take part that waits for the real world: sockets, threads, processes.
"""

import heapq
import itertools
import math
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import trio
from trio._core import _run as trios_run

from labs.story.trace import Event, Exit, Note, Recorder, Trace
from labs.testbed.channel import NEVER, Ask, Deliver, Frame, Message
from labs.testbed.channel import Note as Noted
from labs.testbed.machines import Machines
from labs.testbed.ports import JudgesEnd
from labs.testbed.program.clock import VirtualClock, seed_everything, to_nanoseconds
from labs.testbed.program.host import Host
from labs.testbed.scene import Acting, Plan, Program, Scene
from labs.testbed.sim import start_settings
from labs.testbed.wiring import Arrival, Wiring
from netstack.names import Names
from netstack.requests import Request
from netstack.sockets import Sockets
from netstack.wire import Fault

Result = TypeVar("Result")
Main = Callable[[Host], Awaitable[None]]

IDLE, LATE, ENOUGH = "nothing more could happen", "the time limit", "all that was waited for has been delivered"


class Jump(VirtualClock):
    """A clock that goes on to the next thing as soon as no task can run. Times are nanoseconds.

    When nothing can happen any more, or not before `limit`, it calls `over` with the reason, which should see to it
    that the tasks end. What they still do then may take as long as it wants.
    """

    def __init__(self, *, limit: int = NEVER, over: Callable[[str], object]) -> None:
        super().__init__()
        self._limit, self._reason = limit, LATE
        self._over: Callable[[str], object] | None = over
        self._order = itertools.count()
        self._heap: list[tuple[int, int, Callable[..., object], tuple[Any, ...]]] = []

    def end_after(self, limit: int, reason: str) -> None:
        """Let nothing happen after `limit`, unless it ends before that anyway; `over` is given the `reason`."""
        if limit < self._limit:
            self._limit, self._reason = limit, reason

    def call_at(self, when: int, call: Callable[..., object], *arguments: Any) -> None:
        """Have `call(*arguments)` done at `when`, or at once if that is past; calls of one time keep their order.

        It is called outside any task: it may wake tasks, and must not await.
        """
        heapq.heappush(self._heap, (when, next(self._order), call, arguments))

    def _wait(self, deadline: float) -> None:
        """Go from one thing to the next, until there is something for trio to do, its own `deadline` at the latest."""
        heap = self._heap
        while deadline > self._seconds:
            meant = to_nanoseconds(deadline)
            due = heap[0][0] if heap and heap[0][0] < meant else meant
            if due == NEVER or due > self._limit:
                self._end(IDLE if due == NEVER else self._reason)
                return
            self._pass(due, meant, deadline)
            while heap and heap[0][0] <= due:
                _, _, call, arguments = heapq.heappop(heap)
                call(*arguments)
            if self._is_busy():
                return
            deadline = self._deadlines.next_deadline()

    def _end(self, reason: str) -> None:
        if self._over is None:
            raise RuntimeError("a task waits for ever although it was told to end")
        if reason == LATE:
            self._pass(self._limit, NEVER, math.inf)
        over, self._over, self._limit = self._over, None, NEVER
        self._heap.clear()
        over(reason)


def run(main: Callable[[Jump], Awaitable[Result]], *, seed: int = 0, limit: int = NEVER) -> Result | None:
    """Run `main(clock)` on a clock that jumps, and return its result; None when it had to be cancelled at the end."""
    scope = trio.CancelScope()
    clock = Jump(limit=limit, over=lambda reason: scope.cancel())

    async def within_scope() -> Result | None:
        with scope:
            return await main(clock)
        return None

    with _seeded(seed):
        return trio.run(within_scope, clock=clock)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Make trio's scheduler and the global `random` depend on `seed` for a while."""
    before = random.getstate(), trios_run._ALLOW_DETERMINISTIC_SCHEDULING, trios_run._r
    seed_everything(str(seed))
    try:
        yield
    finally:
        state, trios_run._ALLOW_DETERMINISTIC_SCHEDULING, trios_run._r = before  # type: ignore[misc]
        random.setstate(state)


def play(
    scene: Scene,
    mains: Mapping[str, Main],
    *,
    seed: int,
    script: Sequence[Fault] = (),
    chance: bool = True,
    watch: Callable[[Event], None] | None = None,
) -> Trace:
    """Play `scene` with functions for programs, by the names of their hosts; whatever one raises comes out here.

    The scene's own programs only say on which hosts there are any, and what they are called. The rest is as in
    `labs.testbed.sim.play`; of the scene's limits only `time` and `grace` count.
    """
    plan = Plan.of(scene.topology())
    trace = Trace(scene=scene.name, seed=seed, testbed="jump", hosts=plan.hosts, lines=plan.lines())
    recorder = Recorder(trace, watch=watch)
    faults = (*scene.script, *script)
    wiring = Wiring(plan=plan, recorder=recorder, classify=scene.classify, script=faults, seed=seed, chance=chance)
    stage = _Stage(scene, plan, recorder, wiring, seed, Machines.of(scene, plan, seed))
    with _seeded(seed):
        trio.run(stage.perform, mains, clock=stage.clock)
    return trace


@dataclass(slots=True)
class _Stage:
    """One play while it goes on."""

    scene: Scene
    plan: Plan
    recorder: Recorder
    wiring: Wiring
    seed: int
    machines: Machines
    clock: Jump = field(init=False)
    hosts: dict[str, list[Host]] = field(default_factory=dict)
    sockets: dict[tuple[str, str], Sockets] = field(default_factory=dict)
    _alarm: int = NEVER
    ports: list[JudgesEnd] = field(default_factory=list)
    _everything: trio.CancelScope = field(default_factory=trio.CancelScope)

    def __post_init__(self) -> None:
        if any(isinstance(program, Acting) for program in self.scene.programs):
            raise ValueError("a host that the judge plays is played on `sim`")
        self.clock = Jump(limit=self.scene.limits.time, over=self.finish)

    async def perform(self, mains: Mapping[str, Main]) -> None:
        """Run all programs until they return, or are cancelled at the end."""
        running: list[Program] = []

        async def perform_one(program: Program, host: Host) -> None:
            with self._sockets(program, host):
                await mains[program.host](host)
            self.machines.end(program.host, program.name, now=self.clock.now)
            self.carry()
            if not self._everything.cancel_called:
                running.remove(program)
                self._exit(program, "returned")

        with self._everything:
            async with trio.open_nursery() as nursery:
                for program in self.scene.programs:
                    assert isinstance(program, Program)
                    running.append(program)
                    nursery.start_soon(perform_one, program, self._enter(program))
        self.finish(IDLE)
        for program in running:
            self._exit(program, "cancelled")

    def _exit(self, program: Program, how: Literal["returned", "cancelled"]) -> None:
        self.recorder.add(Exit(self.clock.now, program.host, program.name, how))

    @contextmanager
    def _sockets(self, program: Program, host: Host) -> Iterator[None]:
        """Put this task on its host, if that has an IP address."""
        where = program.host, program.name
        if program.host not in self.machines:
            yield
            return

        def hand_over(request: Request) -> None:
            self.machines.request(*where, request, now=self.clock.now)
            self.carry()

        self.machines.start(*where)
        self.sockets[where] = Sockets(hand_over, Names(host.names))
        with self.sockets[where].here():
            yield

    def carry(self) -> None:
        """See to all that has come of what has just happened on a host with TCP/IP."""
        now = self.clock.now
        while self.machines.next_due() == 0:
            for where, sockets in self.sockets.items():
                for answer in self.machines.answers(*where, now=now):
                    sockets.receive(answer)
        for host, number, frame in self.machines.frames_to_send():
            self.transmit(host, number, frame)
        due = self.machines.next_due()
        if due < self._alarm and not self.machines.at_rest():
            self._alarm = due
            self.clock.call_at(due, self._ring, due)

    def _ring(self, due: int) -> None:
        if due == self._alarm:
            self._alarm = NEVER
            self.machines.handle_timers(now=self.clock.now)
            self.carry()

    def transmit(self, host: str, number: int, frame: bytes) -> None:
        """Put a frame on the wire."""
        for arrival in self.wiring.transmit(host, number, frame, now=self.clock.now):
            self.clock.call_at(arrival.at, self.deliver, arrival)

    def _enter(self, program: Program) -> Host:
        ports = [port for port in self.scene.ports if (port.host, port.program) == (program.host, program.name)]
        ends = [JudgesEnd(port, number, self.recorder) for number, port in enumerate(ports)]
        carrier = _Carrier(self, program, ends)
        carrier.host = Host(
            carrier, start_settings(self.scene, self.plan, program, ports, seed=self.seed, clock="virtual")
        )
        self.hosts.setdefault(program.host, []).append(carrier.host)
        self.ports += ends
        for end in ends:
            carrier.attend(end)
        return carrier.host

    def deliver(self, arrival: Arrival) -> None:
        """Hand a frame to the host that it has reached, and to every program there."""
        reached = arrival.interface
        if reached.host in self.machines:
            self.machines.receive(reached.host, reached.number, arrival.frame, now=self.clock.now)
            self.carry()
        for host in self.hosts.get(arrival.interface.host, ()):
            host.arrive(Frame(arrival.interface.number, arrival.frame))

    def finish(self, reason: str) -> None:
        """End the play, unless it has ended before."""
        trace = self.recorder.trace
        if not trace.ended:
            trace.ended, trace.ended_at = reason, self.clock.now
        self._everything.cancel()

    def finish_if_satisfied(self) -> None:
        """End the play after the scene's grace, once every port that says how much is enough has had it."""
        asking = [end for end in self.ports if end.port.enough is not None]
        if asking and all(end.satisfied for end in asking):
            self.clock.end_after(self.clock.now + self.scene.limits.grace, ENOUGH)


@dataclass(slots=True)
class _Carrier:
    """Carries one program's messages to where they take effect, at once."""

    stage: _Stage
    program: Program
    ends: Sequence[JudgesEnd]
    host: Host = field(init=False)
    _attends_at: dict[int, int] = field(default_factory=dict)

    def tell(self, message: Message) -> None:
        """Do what the program wants done."""
        now = self.stage.clock.now
        match message:
            case Ask(number):
                self.ends[number].ask()
                self.attend(self.ends[number])
            case Deliver(number, payload):
                self.ends[number].deliver(payload, now=now)
                self.attend(self.ends[number])
            case Noted(text):
                self.stage.recorder.add(Note(now, self.program.host, self.program.name, text))

    async def transmit(self, link: int, frame: bytes) -> None:
        """Put a frame on the wire."""
        await trio.lowlevel.checkpoint()
        self.stage.transmit(self.program.host, link, frame)

    def attend(self, end: JudgesEnd) -> None:
        """See to it that what is due at `end` is done when it is due."""
        due = end.next_due()
        if due is not None and due < self._attends_at.get(end.number, NEVER):
            self._attends_at[end.number] = due
            self.stage.clock.call_at(due, self._advance, end)

    def _advance(self, end: JudgesEnd) -> None:
        self._attends_at.pop(end.number, None)
        for message in end.advance(now=self.stage.clock.now):
            self.host.arrive(message)
        self.attend(end)
        self.stage.finish_if_satisfied()
