"""Scenes played live in a notebook: each figure of a lecture is a run, not a picture of one.

    lecture = Lecture("1")
    lecture.play("serial")                          # draws the play, and lists what happened
    lecture.play("serial", "drop a-b:piece:2")      # with a fault
    lecture.write("teams.py", "async def …")        # other programs from here on
    lecture.play("serial", failing=True)            # one of them is expected to fail; else that ends the cell
    compared("Waiting for the reader at b", {"a window": one, "credit": other})     # two plays in one chart

Plays are on `sim`: no root, no network, no Linux, the same picture each time. The programs are our reference; they run
in processes of their own, so nothing in a notebook can disturb them.
"""

import math
import shutil
import tempfile
import textwrap
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from labs.course import CourseError, Lab, open_course
from labs.grading.checks import import_part
from labs.grading.reference import lay_out
from labs.story import network, plots
from labs.story.chart import Chart, Series
from labs.story.diagram import Diagram, in_words
from labs.story.diagram_svg import palette, standalone
from labs.story.escape import html
from labs.story.telling import Teller
from labs.story.trace import Event, Exit, FrameEvent, PortEvent, Trace
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.scene import Scene
from netstack.wire import MILLISECOND, SECOND, Fault

MOST_ARROWS = 300
FAILURES = ("raised", "died", "stopped")

STYLE = """
.downstack { color: var(--ink); background: var(--paper); padding: 4px 8px; overflow-x: auto }
.downstack .network rect { fill: var(--box); stroke: var(--line) }
.downstack .network text { fill: var(--ink); font: 12px sans-serif }
.downstack .network path, .downstack .network line { stroke: var(--line); fill: none }
.downstack pre { color: var(--ink); background: none }
"""


class NotHere(CourseError):
    """What a lecture plays is not in this copy of the course. A notebook shows that as a line, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of where it was raised."""
        return [f"{self.message}; {self.cure}"]


class ProgramFailed(Exception):
    """A program of a play raised or died, which a figure might not show. A notebook shows in its place what it said."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of where it was raised."""
        return [str(self)]


class Lecture:
    """A lab on a lecturer's desk. Everything it makes is gone when the notebook's kernel ends."""

    def __init__(self, lab: str) -> None:
        course = open_course()
        self.lab: Lab = course.lab(lab)
        try:
            course.need_answers("a lecture")
        except CourseError as error:
            raise NotHere(error.message, cure=error.cure) from None
        self.scenes: dict[str, Scene] = import_part(self.lab, "scenes").SCENES
        self._teller = Teller.of(self.lab)
        with ExitStack() as stack:
            self._own = Path(tempfile.mkdtemp(prefix="downstack-lecture-"))
            stack.callback(shutil.rmtree, self._own, ignore_errors=True)
            lay_out(course, self.lab, self._own)
            self._cast = stack.enter_context(Cast(own=self._own, given=self._given, hidden=self.lab.hidden))
            self.close = weakref.finalize(self, stack.pop_all().close)

    @property
    def _given(self) -> Path:
        return self.lab.folder / "given"

    def play(self, scene: str | Scene, *faults: str, seed: int = 1, failing: bool = False) -> "Played":
        """Play a scene of the lab by its name, or one made here, with faults as in `drop a-b:ask:1`.

        Raises `ProgramFailed` when a program fails, unless that is what the lecture wants to show: `failing`.
        """
        chosen = self.scenes[scene] if isinstance(scene, str) else scene
        trace = sim.play(chosen, self._cast, seed=seed, script=tuple(map(Fault.parse, faults))).trace
        played = Played(trace, self._teller)
        if played.failures and not failing:
            raise ProgramFailed("\n".join(played.failures))
        return played

    def source(self, name: str) -> "Source":
        """The text of a program: the one that plays use now."""
        given = self._given / name
        return Source(name, (given if given.is_file() else self._own / name).read_text(encoding="utf-8"))

    def write(self, name: str, source: str) -> "Source":
        """Put another program in the place of `name`; plays use it from here on. Indentation in common is removed."""
        if (self._given / name).is_file():
            raise ValueError(f"{name} is given by the lab; a lecture replaces files that students write")
        text = textwrap.dedent(source).lstrip("\n")
        (self._own / name).write_text(text, encoding="utf-8")
        self._cast.forget_compiled()
        return Source(name, text)

    def restore(self) -> None:
        """Put our own programs back."""
        lay_out(open_course(), self.lab, self._own)
        self._cast.forget_compiled()


@dataclass(frozen=True, slots=True)
class Source:
    """A program's text, as a notebook shows it."""

    name: str
    text: str

    def __str__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return f"`{self.name}`\n\n````python\n{self.text}\n````"


@dataclass(frozen=True, slots=True)
class Played:
    """A play, as a notebook shows it: the network, who sent what when, and the same in words."""

    trace: Trace
    teller: Teller

    def answers(self, host: str, port: str = "app") -> list[str]:
        """What people at an application port were told."""
        return [payload.decode("utf-8", "replace") for payload in self.trace.delivered(host, port)]

    @property
    def failures(self) -> list[str]:
        """How programs failed, as the list of events tells it."""
        return [self.teller.tell(event) for event in self.trace.exits() if event.how in FAILURES]

    @property
    def network(self) -> "Network":
        """The hosts and their links, without what happened."""
        return Network(self.trace)

    def excerpt(self, begin: float = 0.0, end: float = math.inf, *, kinds: Iterable[str] = ()) -> "Played":
        """What happened from `begin` until `end` seconds, and of the frames only those `kinds`, where any are named."""
        trace, wanted = self.trace, set(kinds)
        events = [
            event
            for event in trace.events
            if begin * SECOND <= event.at < end * SECOND
            and (not wanted or not isinstance(event, FrameEvent) or event.kind in wanted)
        ]
        return Played(replace(trace, events=events, ended_at=round(min(trace.ended_at, end * SECOND))), self.teller)

    def curve(self, title: str) -> Chart:
        """One of the curves that a report would draw: that whose title begins so."""
        found = self._curve(title)
        return compared(found.title, {found.title: self})

    def _curve(self, title: str) -> plots.Curve:
        there = list(plots.curves(self.trace))
        for curve in there:
            if curve.title.startswith(title):
                return curve
        raise ValueError(f"there is no curve {title!r} here, but {', '.join(curve.title for curve in there) or 'none'}")

    def _repr_html_(self) -> str:
        trace, frames = self.trace, sum(1 for _ in self.trace.frames())
        drawn = network.svg(trace) if trace.lines else ""
        if frames <= MOST_ARROWS:
            drawn += f"<br>{standalone(Diagram.of(trace))}"
        else:
            drawn += f"<p>{frames} frames: too many to draw here.</p>"
        caption = (
            f"{html(trace.scene)}, seed {trace.seed:x}: {frames} frames in {in_words(trace.ended_at)} of virtual time"
        )
        failed = "".join(f'<pre class="failed">{html(each, lines=True)}</pre>' for each in self.failures)
        return (
            f"<style>{palette('.downstack')}{STYLE}</style>"
            f'<div class="downstack"><p><b>{caption}</b></p>{failed}{drawn}'
            f"<details><summary>The same in words</summary><pre>{html(str(self), lines=True)}</pre></details></div>"
        )

    def __str__(self) -> str:
        """What happened, a line each: frames and their fates, what was asked and answered, and bad ends."""
        return "\n".join(self.teller.tell(event) for event in self.trace.events if _matters(event))


def compared(title: str, plays: Mapping[str, Played]) -> Chart:
    """One curve of several plays, each under its own name, over virtual time."""
    curves = {name: played._curve(title) for name, played in plays.items()}
    ends = {name: plots.last_time(played.trace) for name, played in plays.items()}
    unit, words = (MILLISECOND, "milliseconds") if max(ends.values()) < 2 * SECOND else (SECOND, "seconds")
    series = []
    for name, curve in curves.items():
        points = (*curve.points, (ends[name], curve.points[-1][1]))
        series.append(Series(name, [(at / unit, value) for at, value in points], "steps"))
    up = next(iter(curves.values())).unit
    return Chart(title=title, across=f"{words} of virtual time", up=up, series=series)


@dataclass(frozen=True, slots=True)
class Network:
    """The hosts and links of a play, as a notebook shows them."""

    trace: Trace

    def _repr_html_(self) -> str:
        return f'<style>{palette(".downstack")}{STYLE}</style><div class="downstack">{network.svg(self.trace)}</div>'


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, as a notebook shows them."""

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]

    def _repr_markdown_(self) -> str:
        lines = (self.heads, ["---"] * len(self.heads), *self.rows)
        return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _matters(event: Event) -> bool:
    match event:
        case PortEvent(what=what):
            return what in ("offered", "delivered")
        case Exit(how=how):
            return how in FAILURES
    return True
