"""`lab demo`: the story so far, played live in a few minutes at most, with nothing to set up.

Each part plays real programs (the course's own answers) and shows what the judge saw. On a terminal it waits for Enter
between its parts. All it writes is a folder in the cache, where the report and the mistaken program of part four stay.
"""

import argparse
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from labs.cli.chosen import refusing
from labs.cli.exit import PASSED
from labs.cli.ledger import curve
from labs.cli.terminal import paint, sign, width
from labs.conformance import about, asking
from labs.course import Course, Lab, open_course
from labs.grading.answers import given_folder
from labs.grading.checks import import_part
from labs.grading.examination import Examination
from labs.grading.hints import hint_for
from labs.grading.reference import lay_out, read_patches
from labs.grading.reports import fields_of
from labs.story import narrate, report
from labs.story.diagram import Diagram
from labs.story.diagram_text import text as diagram
from labs.story.dissect import hexdump
from labs.story.escape import plain
from labs.story.ledger import open_ledger
from labs.story.trace import Event, FrameEvent, PortEvent
from labs.testbed import testbeds
from labs.testbed.cast import Cast
from labs.testbed.enclave import EnclaveDied, Unavailable
from labs.testbed.scene import Scene
from labs.testbed.sim import Played
from netstack.wire import MILLISECOND

SUMMARY = "the story so far, played live in the terminal, with a report to open"

WIDEST = 80
MISTAKE = ("1", "no_check")  # a lab, and the wrong answer that part four catches


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--no-pause", action="store_true", help="do not wait for Enter between the parts")


def run(args: argparse.Namespace) -> int:
    """Play all parts in order."""
    pausing = sys.stdin.isatty() and sys.stdout.isatty() and not args.no_pause
    with refusing():
        course = open_course()
        course.need_answers("the demo")
        show = Show(course, fresh_folder(), pausing=pausing)
        parts: Sequence[Callable[[Show], None]] = (one_machine, a_line_of_bytes, a_real_network, a_mistake, the_curve)
        for number, part in enumerate(parts, 1):
            show.title(f"{number} of {len(parts)}. {part.__doc__}")
            part(show)
    show.farewell()
    return PASSED


def fresh_folder() -> Path:
    """The demo's own folder in the cache, emptied."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "downstack" / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
    except OSError:  # no home to write to
        return Path(tempfile.mkdtemp(prefix="downstack-demo-"))
    return folder


@dataclass(slots=True)
class Show:
    """The stage: it tells, plays, and keeps what belongs in the report."""

    course: Course
    folder: Path
    pausing: bool
    chapters: list[report.Chapter] = field(default_factory=list)
    _begun: bool = False

    def title(self, words: str) -> None:
        if self._begun and self.pausing:
            input(paint("\nEnter goes on, Ctrl-C ends. ", "dim"))
        self._begun = True
        print(f"\n{paint(words, 'bold')}\n{sign('─', '-') * min(len(words), columns())}")

    def say(self, words: str) -> None:
        """A paragraph, wrapped; `words` may be indented and broken anywhere."""
        print(f"\n{textwrap.fill(' '.join(words.split()), columns(), break_on_hyphens=False)}", flush=True)

    def lines(self, lines: Iterable[str]) -> None:
        """Lines as they are, those that are too long broken; but never a command, which is there to be copied."""
        print()
        for line in lines:
            indent = "  " + " " * (len(line) - len(line.lstrip()))
            whole = len(indent + line.lstrip()) <= columns() or line.lstrip().startswith("again:")
            broken = textwrap.wrap(
                line, columns(), initial_indent="  ", subsequent_indent=f"{indent}    ", break_on_hyphens=False
            )
            print(f"  {line}" if whole else "\n".join(broken), flush=True)

    def tell(self, lab: Lab, events: Iterable[Event]) -> None:
        """What happened in a play, a line each."""
        commentator = Commentator(import_part(lab, "kinds").describe)
        self.lines(line for event in events for line in commentator.tell(event))

    def lab(self, number: str) -> Lab:
        return self.course.lab(number)

    def scenes(self, lab: Lab) -> dict[str, Scene]:
        found: dict[str, Scene] = import_part(lab, "scenes").SCENES
        return found

    @contextmanager
    def cast(self, lab: Lab, **instead: str) -> Iterator[Cast]:
        """The course's own answers to `lab`, with other texts for the modules named."""
        with tempfile.TemporaryDirectory(prefix="downstack-demo-") as place:
            own = lay_out(self.course, lab, Path(place))
            for module, source in instead.items():
                (own / f"{module}.py").write_text(source, encoding="utf-8")
            with Cast(own=own, given=given_folder(lab), hidden=lab.hidden) as cast:
                yield cast

    def play(
        self, scene: Scene, cast: Cast, *, on: str = "sim", watch: Callable[[Event], None] | None = None
    ) -> Played:
        return testbeds.play_on(on)(scene, cast, seed=1, watch=watch)

    def picture(self, played: Played) -> None:
        """The play as a diagram."""
        drawn = diagram(Diagram.of(played.trace), width=columns() - 2, ascii_only=not sign("─▶│✕", ""))
        print(f"\n{textwrap.indent(drawn, '  ')}", flush=True)

    def farewell(self) -> None:
        page = report.write_report(
            self.folder / "report.html", title="The demo", chapters=self.chapters, fields=fields_of(self.lab("1"))
        )
        print(f"\nA report of parts 3 and 4, for your browser (it needs no network):\n  {page}")
        hours = self.lab("0").core_minutes / 60
        print(f"\nThe first lab takes about {hours:.1f} hours:  ./lab start 0")


# The parts; each one's docstring is its title -------------------------------------------------------------------------


def one_machine(show: Show) -> None:
    """One machine: the best way to handle distribution is to have none"""
    lab = show.lab("0")
    show.say("""
        People ask a program called *teams* who plays for a team; it asks *players*, who keeps the cards. In lab 0 both
        live in one process, and *players* is a function. It takes 200 ms to look. Four people ask at once:
    """)
    with show.cast(lab) as cast:
        played = show.play(show.scenes(lab)["at-once"], cast)
    show.tell(lab, played.trace.events)
    show.say(f"""
        The four answers are there after {played.trace.ended_at // MILLISECOND} ms of virtual time: the judge moves the
        clock whenever all programs wait, so a check of a minute costs milliseconds. No network, and nothing that could
        be lost. Everything from here on is the price of having two machines.
    """)


def a_line_of_bytes(show: Show) -> None:
    """Two machines, and a line that carries bytes"""
    lab = show.lab("1")
    scenes = import_part(lab, "scenes")
    show.say("""
        Now *teams* is on machine a, *players* on machine b, and a serial line between them takes 16 bytes at a time. A
        program that takes each piece for a message is in trouble as soon as an answer needs two:
    """)
    question = asking(scenes.SERIAL, [about("Żubry")])
    with show.cast(lab, framing=NO_FRAMING) as cast:
        naive, noisy = (show.play(scene, cast) for scene in (question, scenes.NOISY))
    show.picture(naive)
    show.say(f"""
        People were told {heard(naive, "a")[0]!r}: a wrong answer, given with full confidence. Lab 1's framing.py puts a
        flag, ~, around each message and a checksum behind it:
    """)
    with show.cast(lab) as cast:
        framed, honest = (show.play(scene, cast) for scene in (question, scenes.NOISY))
    show.tell(lab, framed.trace.events)
    show.say("Now noise on the line: pieces are damaged, lost, doubled. Of 20 messages")
    show.lines([f"without framing  {judged(noisy)},", f"with framing     {judged(honest)}."])
    show.say("""
        The checksum does not make the line better, it makes it honest. And then an Ethernet card takes the place of the
        line and does all this itself: the first thing that sinks.
    """)


NO_FRAMING = """
def encode(message):
    return message


class Decoder:
    damaged = 0

    def feed(self, piece):
        return [piece]
"""


def a_real_network(show: Show) -> None:
    """Two computers and a raw link between them"""
    lab = show.lab("1")
    reason = testbeds.why_not("mininet")
    commentator = Commentator(import_part(lab, "kinds").describe, with_bytes=4)
    with show.cast(lab) as cast:
        scene = show.scenes(lab)["application"]
        if not reason:
            show.say("""
                Mininet makes two machines out of this one: two network namespaces of the kernel, each with an
                interface, and packet sockets that see raw Ethernet frames. The same kind of programs, in real time:
            """)
            print()
            try:
                played = show.play(scene, cast, on="mininet", watch=commentator.tell_now)
            except (Unavailable, EnclaveDied, OSError) as error:
                reason = f"it failed: {plain(str(error))}"
        if reason:
            show.say(f"""
                There is no emulated network here ({reason}; ./lab doctor says what would mend it). So the programs run
                on the simulated one:
            """)
            print()
            played = show.play(scene, cast, watch=commentator.tell_now)
    show.chapters.append(report.Chapter(title=f"Two computers on {played.trace.testbed}", played=[played]))
    show.say("""
        A frame to everybody, an answer to one, and then each question in a conversation of its own. The bytes are those
        that crossed the wire: 88 b5 is the course's own kind of Ethernet frame.
    """)


def a_mistake(show: Show) -> None:
    """A mistake, and how it is caught"""
    number, name = MISTAKE
    lab = show.lab(number)
    (patch,) = (each for each in read_patches(lab.folder / "wrong") if each.name == name)
    own = lay_out(show.course, lab, show.folder / name)
    patch.apply(own)
    show.say("""
        Somebody sends the checksum and cuts it off again, but forgot to compare it. This is what a student sees who
        hands that in. The judge looks at what crossed the wire, and believes no program's word:
    """)
    step = lab.step(patch.one("step"))
    with Examination(lab=lab, submission=own, on="sim") as examination:
        result = examination.step(step)
    deciding = result.deciding
    if deciding is None or deciding.outcome is None:
        show.say(f"It could not be judged here: {result.why}.")
        return
    hint = hint_for(lab, result, own, 0)
    again = narrate.command_to_replay(lab, deciding, own)
    show.lines([narrate.headline(result), *narrate.explain(result, lab, own, hint=hint, replay=again).splitlines()])
    show.chapters.append(
        report.Chapter(title=deciding.check.sentence, step=step.id, outcome=deciding.outcome, hint=hint, replay=again)
    )
    show.say('The line that begins with "again:" plays exactly this run once more, to the nanosecond. Try it.')


def the_curve(show: Show) -> None:
    """Where the networking lives"""
    show.say("""
        Names, conversations, patience: all of it stands in the application, beside the business. The ledger counts the
        lines, lab by lab. As the course goes on, the curve falls, when the kernel takes over; rises again with
        microservices; and falls for the second time, into the mesh.
    """)
    show.lines(curve(open_ledger(show.course), columns=columns() - 2))


# What is told of a play -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Commentator:
    """Tells events in lines of the demo's width; the bytes of the first `with_bytes` frames, too."""

    describe: Callable[[bytes], str]
    with_bytes: int = 0

    def tell(self, event: Event) -> Iterator[str]:
        """The lines for `event`: none for what an onlooker would not miss."""
        at = f"{event.at / MILLISECOND:8.1f} ms"
        match event:
            case PortEvent(what="offered"):
                yield f"{at}  at {event.host} people ask: {plain(event.payload)}"
            case PortEvent(what="delivered"):
                yield f"{at}  at {event.host} people hear: {plain(event.payload)}"
            case FrameEvent():
                yield f"{at}  {event.direction}: {plain(self.describe(event.data))}"
                if self.with_bytes > 0:
                    self.with_bytes -= 1
                    yield from _without_padding(hexdump(event.data))

    def tell_now(self, event: Event) -> None:
        """Print an event of a play that goes on."""
        for line in self.tell(event):
            print(f"  {line}"[: columns()], flush=True)


def _without_padding(dump: Iterable[str]) -> Iterator[str]:
    """A dump without its last lines of zeros, with which a card fills up a short frame."""
    lines = list(dump)
    while lines and set(lines[-1].split("  ")[1]) <= set("0 "):
        lines.pop()
    return (f"  {line}" for line in lines)


def columns() -> int:
    return min(width(), WIDEST)


def heard(played: Played, host: str) -> list[str]:
    return [payload.decode("utf-8", "replace") for payload in played.trace.delivered(host)]


def judged(played: Played) -> str:
    """How many of the messages that went in at a came out at b, and how many that never went in."""
    said = {event.payload for event in played.trace.at_port("offered", "a")}
    got = played.trace.delivered("b")
    return f"{len(said & set(got))} came through whole, {sum(each not in said for each in got)} came out wrong"
