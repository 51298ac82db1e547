"""The report: one HTML file that tells what was checked, what came of it, and why, and that needs no network.

It is a page of its own making: no framework, no font, no picture from elsewhere; `report.css` and `report.js` lie
inside it, and a content security policy names their hashes, so nothing else in it can run. Many of its words come from
a student's program, all of them through `escape.html`; the script writes text only as text.

Without the script the page tells the same: diagrams are drawn here, and a table stands beside each. The script adds
zoom, keys, and the dissection of a chosen frame, and keeps thousands of frames smooth by showing only what is in view.
"""

import base64
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from labs.story import network
from labs.story.beside import compared
from labs.story.calls import is_prop
from labs.story.diagram_svg import STYLE, palette
from labs.story.dissect import Fields
from labs.story.escape import html
from labs.story.report_play import Budget, Shown, play_as_html
from labs.story.trace import Trace
from labs.testbed.judge import Broken, Outcome, Told, Verdict
from labs.testbed.shrink import Shrunk
from labs.testbed.sim import Played
from labs.testbed.unit import HOST

SIGNS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.INCONCLUSIVE: "?", Verdict.NOT_RUN: "–"}
WITHOUT_SCRIPT = ".play .band * { display: inline !important }"  # the script shows what is in view; without it, all is
STORY_SHOWN, FOLDED_FROM = 8, 4  # the last lines of a story, and how many more make it worth folding
PLAYS_SHOWN = 6  # of one check; a check that plays more tells its story in its last ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """What is told of one check, or of one run when there is no `outcome` but only what was `played`.

    `hint`, `replay` (a command), and what the failure was `shrunk` to are shown if given. `captures` are the pcapng
    files written beside the report.
    """

    title: str
    step: str = ""
    outcome: Outcome | None = None
    played: Sequence[Played] = ()
    hint: str = ""
    replay: str = ""
    shrunk: Shrunk | None = None
    captures: Sequence[Path] = ()

    @property
    def plays(self) -> Sequence[Played]:
        """All that was played for this chapter, in order."""
        return self.outcome.played if self.outcome is not None else self.played


def write_report(
    path: Path, *, title: str, chapters: Sequence[Chapter], fields: Fields | None = None, summary: str = ""
) -> Path:
    """Write the report to `path` and return it. `summary` is a sentence under the title; `fields` dissects frames."""
    page = _Page(path.parent, fields)
    text = page.whole(title, summary, chapters)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")  # two checks may run at a time
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return path


@dataclass(slots=True)
class _Page:
    folder: Path
    fields: Fields | None
    budget: Budget = field(default_factory=Budget)

    def whole(self, title: str, summary: str, chapters: Sequence[Chapter]) -> str:
        style = palette(":root") + STYLE + asset("report.css")
        script = asset("report.js")
        allowed = f"style-src {hashed(style)} {hashed(WITHOUT_SCRIPT)}; script-src {hashed(script)}"
        policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
        parts = (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{html(title)}</title><style>{style}</style>",
            f"<noscript><style>{WITHOUT_SCRIPT}</style></noscript></head><body>",
            '<a class="skip" href="#main">Skip to the story</a>',
            f"<header><h1>{html(title)}</h1>{_paragraph(summary)}{_count(chapters)}</header>",
            _contents(chapters),
            '<main id="main">',
            *(self._chapter(number, chapter) for number, chapter in _passed_last(chapters)),
            _networks(chapters),
            f"</main>{_LEGEND}<script>{script}</script></body></html>\n",
        )
        return "\n".join(parts)

    def _chapter(self, number: int, chapter: Chapter) -> str:
        outcome = chapter.outcome
        name = f"chapter-{number}"
        heading = f'<h2 id="{name}-title">{_verdict(outcome)}{_step(chapter)}{_inline(chapter.title)}</h2>'
        told = "".join(self._told(chapter))
        plays = "".join(self._plays(number, chapter))
        calm = outcome is not None and outcome.verdict is Verdict.PASS
        body = (
            f"<details><summary>The story and the pictures</summary>{told}{plays}</details>" if calm else told + plays
        )
        return f'<section class="chapter" id="{name}" aria-labelledby="{name}-title">{heading}{body}</section>'

    def _told(self, chapter: Chapter) -> Iterator[str]:
        outcome = chapter.outcome
        if outcome is not None:
            yield _outcome_in_words(outcome)
            yield _story(outcome)
            if outcome.broken is not None:
                yield from self._seen(outcome.broken)
        if chapter.hint:
            yield f'<div class="hint"><h3>Hint</h3><p>{_inline(chapter.hint)}</p></div>'
        if chapter.replay:
            yield (
                f'<div class="replay"><h3>To repeat it</h3><pre><code>{html(chapter.replay)}</code></pre>'
                '<button type="button" class="copy" hidden>Copy the command</button></div>'
            )
        yield from (self._capture(path) for path in chapter.captures)

    def _seen(self, broken: Broken) -> Iterator[str]:
        beside = compared(broken, self.fields)
        if broken.found or beside is not None:
            yield "<h3>What was seen instead</h3>"
        if broken.found:
            yield f'<pre class="found">{html(broken.found, lines=True)}</pre>'
        if beside is not None:
            rows = "".join(f"<tr>{''.join(f'<td>{html(cell)}</td>' for cell in row)}</tr>" for row in beside.rows)
            head = '<th scope="col">Field</th><th scope="col">As it is</th><th scope="col">As it should be</th>'
            caption = f"<caption>{html(beside.title)}: the fields that differ</caption>"
            yield f'<table class="beside">{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'

    def _capture(self, path: Path) -> str:
        href = path.name if path.parent == self.folder else f"{path.parent.name}/{path.name}"
        return f'<p>For Wireshark: <a href="{html(href)}">{html(path.name)}</a></p>'

    def _plays(self, number: int, chapter: Chapter) -> Iterator[str]:
        if chapter.shrunk is not None:
            yield from self._shrunk(number, chapter.shrunk)
        plays = [(place, played) for place, played in enumerate(chapter.plays, 1) if not _is_script(played.trace)]
        if plays:
            yield "<h3>What was played</h3>"
        if len(plays) > PLAYS_SHOWN:
            yield f"<p>{len(plays)} scenes were played; the last {PLAYS_SHOWN} are shown.</p>"
        for place, played in plays[-PLAYS_SHOWN:]:
            last = place == len(chapter.plays)
            scene = f"{played.trace.scene}, seed {played.trace.seed:x}"
            drawn = self._play(f"{number}-{place}", played, scene, chapter.outcome if last else None)
            yield (
                drawn
                if last and chapter.shrunk is None
                else f"<details><summary>{html(scene)}</summary>{drawn}</details>"
            )

    def _shrunk(self, number: int, shrunk: Shrunk) -> Iterator[str]:
        """The play with the fewest faults beside one without any; only this where it fails too."""
        free = self._play(f"{number}-free", shrunk.fault_free.played[-1], "Without faults", shrunk.fault_free)
        if not shrunk.schedule:
            yield f"<h3>It breaks without any fault</h3>{free}"
            return
        fewest = self._play(f"{number}-shrunk", shrunk.outcome.played[-1], "With these faults", shrunk.outcome)
        unfinished = "" if shrunk.finished else " (the search ran out of time; perhaps fewer would do)"
        faults = "".join(f"<li><code>{html(str(fault))}</code></li>" for fault in shrunk.schedule)
        yield f"<h3>The fewest faults that still break it, beside a run without any</h3><ul>{faults}</ul>"
        count = f"{len(shrunk.schedule)} of {shrunk.whole}" if shrunk.whole > 1 else "The only one that there was"
        yield f"<p>{count}, found in {shrunk.runs} runs{unfinished}.</p>"
        yield f'<div class="pair">{fewest}{free}</div>'

    def _play(self, identity: str, played: Played, title: str, outcome: Outcome | None = None) -> str:
        culprit = outcome.broken.frame if outcome is not None and outcome.broken is not None else None
        return play_as_html(Shown(identity, title, played, culprit), self.fields, self.budget)


def asset(name: str) -> str:
    """A file that goes into a page as it is: `report.css`, `report.js`."""
    return resources.files("labs.story").joinpath(name).read_text(encoding="utf-8")


def hashed(text: str) -> str:
    """`text` as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _paragraph(text: str) -> str:
    return f"<p>{html(text)}</p>" if text else ""


def _step(chapter: Chapter) -> str:
    return f'<span class="step">Step {html(chapter.step)}</span> ' if chapter.step else ""


def _verdict(outcome: Outcome | None) -> str:
    return "" if outcome is None else _badge(outcome.verdict)


def _badge(verdict: Verdict, words: str = "") -> str:
    name = verdict.name.lower().replace("_", "-")
    return f'<span class="verdict {name}"><span aria-hidden="true">{SIGNS[verdict]}</span> {words or verdict}</span> '


def _count(chapters: Sequence[Chapter]) -> str:
    """How many checks came to which verdict."""
    verdicts = [chapter.outcome.verdict for chapter in chapters if chapter.outcome is not None]
    told = (_badge(verdict, f"{verdicts.count(verdict)} {verdict}") for verdict in Verdict if verdict in verdicts)
    return f'<p class="count">{"".join(told)}</p>' if verdicts else ""


def _contents(chapters: Sequence[Chapter]) -> str:
    if len(chapters) < 2:
        return ""
    numbered = list(enumerate(chapters, 1))
    calm = "".join(_entry(number, chapter) for number, chapter in numbered if _passed(chapter))
    rest = "".join(_entry(number, chapter) for number, chapter in numbered if not _passed(chapter))
    if rest and calm:
        count = sum(map(_passed, chapters))
        calm = f"<li><details><summary>{count} passed</summary><ul>{calm}</ul></details></li>"
    return f'<nav aria-label="Checks"><ul>{rest}{calm}</ul></nav>'


def _entry(number: int, chapter: Chapter) -> str:
    told = f"{_step(chapter)}{_inline(chapter.title)}"
    return f'<li>{_verdict(chapter.outcome)}<a href="#chapter-{number}">{told}</a></li>'


def _passed(chapter: Chapter) -> bool:
    return chapter.outcome is not None and chapter.outcome.verdict is Verdict.PASS


def _passed_last(chapters: Sequence[Chapter]) -> list[tuple[int, Chapter]]:
    """The chapters with their numbers: whoever opens a report wants to know what failed, and then what passed."""
    return sorted(enumerate(chapters, 1), key=lambda pair: _passed(pair[1]))


def _inline(text: str) -> str:
    """Our own words, with `code` and *emphasis* as in the handouts."""
    coded = re.sub(r"`([^`]+)`", r"<code>\1</code>", html(text))
    return re.sub(r"(?<!\w)\*(\w[^*<]*)\*", r"<em>\1</em>", coded)


def _networks(chapters: Iterable[Chapter]) -> str:
    """Each network that was played on, once."""
    networks: dict[str, list[str]] = {}
    for trace in _traces(chapters):
        scenes = networks.setdefault(network.svg(trace), [])
        if trace.scene not in scenes:
            scenes.append(trace.scene)
    if not networks:
        return ""
    figures = (
        f'<figure><div class="wide" tabindex="0" role="group" aria-label="The network of {name}">{drawn}</div>'
        f"<figcaption>{name}</figcaption></figure>"
        for drawn, scenes in networks.items()
        for name in [html(", ".join(scenes))]
    )
    return f'<section aria-labelledby="network"><h2 id="network">The network</h2>{"".join(figures)}</section>'


def _traces(chapters: Iterable[Chapter]) -> Iterator[Trace]:
    for chapter in chapters:
        yield from (played.trace for played in chapter.plays if not _is_script(played.trace))


def _outcome_in_words(outcome: Outcome) -> str:
    words: dict[Verdict, Callable[[], str]] = {
        Verdict.PASS: lambda: f"Held under {_seeds(outcome.seeds_tried)}.",
        Verdict.FAIL: lambda: f"Broken under seed {outcome.seed:x}, after {_seeds(outcome.seeds_tried)}.",
        Verdict.INCONCLUSIVE: lambda: (
            f"The faults never touched what they were meant to, under {_seeds(outcome.seeds_tried)}, so this check "
            f"shows nothing: {outcome.reason}. That is not your fault, and the instructor sees it."
        ),
        Verdict.NOT_RUN: lambda: f"Not run: {outcome.reason}.",
    }
    return f"<p>{html(words[outcome.verdict]())}</p>"


def _seeds(count: int) -> str:
    return "one seed" if count == 1 else f"{count} seeds"


def _is_script(trace: Trace) -> bool:
    """Whether a play is a unit script's, which the story tells call by call: there is no network to draw."""
    return trace.hosts == (HOST,) and not trace.lines


def _story(outcome: Outcome) -> str:
    """The story, all but its last lines folded away when it is long."""
    story = [told for told in outcome.story if not is_prop(told)]
    begin = len(story) - STORY_SHOWN if len(story) >= STORY_SHOWN + FOLDED_FROM else 0
    early, late = story[:begin], story[begin:]
    folded = f"<details><summary>{len(early)} lines before</summary>{_lines(early)}</details>" if early else ""
    return folded + _lines(late)


def _lines(story: Sequence[Told]) -> str:
    return f'<ol class="story">{"".join(map(_story_line, story))}</ol>'


def _story_line(told: Told) -> str:
    if told.identity == "bites":
        sign, name, word = ("•", "bit", "it bit") if told.held else ("◦", "missed", "it did not bite")
    else:
        sign, name, word = {None: ("▸", "event", ""), True: ("✓", "pass", "held"), False: ("✗", "fail", "broken")}[
            told.held
        ]
    aloud = f'<span class="aloud">{word}: </span>' if word else ""
    came = f'<span class="came">{html(told.came)}</span>' if told.held and told.came not in ("", "None") else ""
    return f'<li class="{name}"><span class="sign" aria-hidden="true">{sign}</span> {aloud}{html(told.text)}{came}</li>'


_LEGEND = """<footer><h2>How to read the pictures</h2>
<ul class="legend">
<li>Each host is a vertical line, time runs down, a frame is an arrow from its sender to its receiver.</li>
<li>A frame that broke off in a cross (✗) was lost; a double line arrived twice; a jag is damage; a dashed line
with two bars was held back; a line without a head was still under way at the end.</li>
<li>Triangles are payloads at an application port: to the right into the program, to the left out of it, hollow when
ready, full when taken or read. Diamonds are notes, a program's own words, which prove nothing. A square is a program's
end.</li>
<li>Time is not drawn to scale: a break in the lines is a pause, its length beside it; what happened at one time is
drawn one below the other.</li>
<li>Keys, once a diagram has the focus: <kbd>n</kbd> and <kbd>p</kbd> next and previous frame, <kbd>f</kbd> next
fault, <kbd>+</kbd> <kbd>-</kbd> <kbd>0</kbd> zoom, arrows scroll. Drag to move, Ctrl and the wheel to zoom.</li>
</ul></footer>"""
