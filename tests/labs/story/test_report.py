"""The report tells everything in one file, asks nothing of the network, and obeys nobody's text."""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from labs.story import network, plots
from labs.story.diagram_svg import palette
from labs.story.dissect import differences, dissect, hexdump
from labs.story.report import PLAYS_SHOWN, Chapter, write_report
from labs.story.report_play import Budget
from labs.story.trace import Line, Note, Trace
from labs.testbed.judge import Broken, Outcome, Told, Verdict
from labs.testbed.sim import Played

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would see: elements in a stack that must close in order, attributes, and text by element."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: dict[str, str] = {}
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.count[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.count[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attributes]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        where = self.open[-1] if self.open else ""
        self.text[where] = self.text.get(where, "") + data

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture
def source(tmp_path: Path, chapters: list[Chapter], fields: Callable) -> str:
    path = write_report(tmp_path / "report.html", title="Lab 3", summary="On sim.", chapters=chapters, fields=fields)
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"], "one file, and nothing left beside it"
    return path.read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_tells_every_check(source: str) -> None:
    page = Page(source)
    for words in (
        "a lost frame is sent again",
        "What does B do",
        "delivered 7 of 8",
        "Broken under seed 8f31a2b3c4d5e6f7",
    ):
        assert words in source
    assert "./lab replay 3 --step 2 --check lost --seed 8f31a2b3c4d5e6f7 --drop a-b:data:2" in page.text["code"]
    assert [words.strip() for words in re.findall(r'<span class="verdict [\w-]+"><span[^>]*>.</span> ([^<]+)', source)][
        :4
    ] == [
        "1 pass",
        "1 fail",
        "1 inconclusive",
        "1 not run",
    ]
    assert page.count["main"] == page.count["header"] == page.count["nav"] == page.count["footer"] == 1
    identities = page.values("id")
    assert len(identities) == len(set(identities)), "an id names one element"
    assert "captures/a-b.pcapng" in page.values("href")


def test_each_frame_stands_in_the_diagram_and_in_the_table(source: str, chapters: list[Chapter]) -> None:
    shrunk = source[source.index('id="play-1-shrunk"') : source.index('id="play-1-free"')]
    assert chapters[0].shrunk is not None
    frames = sum(1 for _ in chapters[0].shrunk.outcome.played[-1].trace.frames())
    assert len(re.findall(r'<g class="frame[^"]*" data-frame', shrunk)) == frames
    assert len(re.findall(r"<tr data-frame", shrunk)) == frames
    data = json.loads(re.search(r'class="frames">(.*?)</script>', shrunk)[1])
    assert len(data) == frames
    assert data[1]["fate"] == ["dropped", "drop a-b:data:2"]
    assert data[1]["fields"][1] == ["sequence", 1, 2, "1", ""]


def test_a_damaged_frame_tells_what_it_was_before(source: str) -> None:
    play = source[source.index('id="play-1-1"') :]
    data = json.loads(re.search(r'class="frames">(.*?)</script>', play)[1])
    (damaged,) = (frame for frame in data if "damaged" in frame["fate"])
    changed = [field for field in damaged["fields"] if field[4]]
    assert len(changed) == 1
    assert damaged["hex"] != damaged["before"]


def test_nothing_is_fetched_and_only_our_own_script_may_run(source: str) -> None:
    page = Page(source)
    assert page.values("src") == []
    assert not re.search(r"url\(|@import|https?:", source.replace("http://www.w3.org/2000/svg", ""))
    assert all(re.fullmatch(r"#[\w-]+|captures/a-b\.pcapng", href) for href in page.values("href"))
    policy = next(value for _, name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    code = re.search(r"<script>(.*?)</script>", source, re.DOTALL)[1]
    named = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert f"script-src 'sha256-{named}'" in policy
    assert "innerHTML" not in code


def test_hostile_text_is_shown_and_not_obeyed(source: str) -> None:
    page = Page(source)
    assert page.count["img"] == 0
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "\x1b" not in source
    assert "\u202e" not in source
    assert source.count("&lt;img src=x") >= 4, "it is shown: in the story, in what was found, as a note, as output"
    assert page.count["script"] == source.count("</script>"), "no data ends its element"


def test_contrast_is_enough_for_all_words_light_and_dark() -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1 for text; 1.4.11: 3 to 1 for lines. axe cannot see colours inside an SVG."""
    css = palette(":root") + (Path(network.__file__).parent / "report.css").read_text(encoding="utf-8")
    light, dark = {}, {}
    for dark_first, colours in re.findall(r"(@media \(prefers-color-scheme: dark\)\s*{\s*)?:root\s*{([^}]*)}", css):
        (dark if dark_first else light).update(re.findall(r"--(\w+):\s*(#[0-9a-f]{6})", colours))
    for theme in (light, dark):
        for words in ("ink", "quiet", "whole", "lost", "damaged", "doubled", "held", "good", "doubt"):
            assert contrast(theme[words], theme["paper"]) >= 4.5, words
        for words, ground in (("ink", "soft"), ("ink", "mark"), ("ink", "box"), ("quiet", "paper"), ("lost", "mark")):
            assert contrast(theme[words], theme[ground]) >= 4.5, f"{words} on {ground}"
        assert contrast(theme["line"], theme["paper"]) >= 3
        assert contrast(theme["focus"], theme["paper"]) >= 3


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_flood_of_frames_is_cut_and_counted(
    tmp_path: Path, converse: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labs.story.report_play.FRAMES_A_PLAY", 50)
    flood = converse(count=60, window=8)
    play = Played(trace=flood, output={}, unmet=())
    path = write_report(tmp_path / "r.html", title="Flood", chapters=[Chapter(title="a run", played=(play,) * 6)])
    source = path.read_text(encoding="utf-8")
    assert source.count("<tr data-frame") == 6 * 50
    assert "The first 50 frames are shown, 70 more are in the trace." in source


def test_the_page_as_a_whole_has_a_budget_too() -> None:
    budget = Budget()
    assert sum(budget.take(1_000_000) for _ in range(10)) == 20_000
    assert budget.take(1) == 0


def test_of_many_plays_the_last_are_shown(tmp_path: Path, converse: Callable) -> None:
    plays = tuple(Played(trace=converse(seed=seed, count=2), output={}, unmet=()) for seed in range(9))
    source = write_report(tmp_path / "r.html", title="t", chapters=[Chapter(title="a run", played=plays)]).read_text()
    assert source.count('class="play"') == PLAYS_SHOWN
    assert "9 scenes were played" in source
    assert "seed 8<" in source


def test_a_report_without_plays_is_a_report(tmp_path: Path, chapters: list[Chapter]) -> None:
    chapters[3].outcome.played = ()
    assert chapters[3].outcome.verdict is Verdict.NOT_RUN
    Page(write_report(tmp_path / "r.html", title="t", chapters=chapters[3:]).read_text(encoding="utf-8"))
    Page(write_report(tmp_path / "r.html", title="t", chapters=[]).read_text(encoding="utf-8"))


# Its parts ------------------------------------------------------------------------------------------------------------


def test_a_dissector_that_fails_is_told_and_does_not_end_the_report() -> None:
    def clumsy(frame: bytes) -> list[tuple[str, int, int, object]]:
        return [("third", 3, 1, frame[3])]

    (told,) = dissect(b"ab", clumsy)
    assert told.name == "not readable"
    assert "IndexError" in told.value
    assert dissect(b"ab", None) == ()


def test_two_frames_are_told_apart_by_field(fields: Callable) -> None:
    one, other = dissect(b"\0\0\x07hello", fields), dissect(b"\1\0\x07", fields)
    assert list(differences(one, other)) == [("kind", "data", "ack"), ("payload", "hello", "(absent)")]


def test_a_hexdump_is_one_and_says_what_it_leaves_out() -> None:
    lines = list(hexdump(bytes(range(60, 90)) + bytes(500), most=32))
    assert lines[0] == "0000  3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK"
    assert lines[-1] == "      … and 498 bytes more"


def test_curves_tell_what_waits_and_what_a_program_noted(converse: Callable) -> None:
    trace = converse(count=12)
    curves = {curve.title: curve for curve in plots.curves(trace)}
    assert curves["Goodput: consumed at b, in all"].highest == sum(len(payload) for payload in trace.delivered("b"))
    assert curves["Under way a-b"].highest == 3, "the window"
    assert curves["Under way a-b"].points[-1][1] == 0, "all have arrived"
    assert "window, as main on a noted" in curves
    for curve in curves.values():
        Page(plots.svg(curve, plots.last_time(trace)))


def test_a_reader_that_is_slow_has_a_queue() -> None:
    lines = [
        f'{{"event":"port","at":{at},"host":"b","port":"app","what":"{what}","number":{n},"payload":{{"base64":""}}}}'
        for at, what, n in ((1, "delivered", 1), (2, "delivered", 2), (3, "delivered", 3), (9, "consumed", 1))
    ]
    header = next(Trace(scene="s", seed=1, testbed="sim").to_lines())
    (queue,) = plots.curves(Trace.from_lines([header, *lines]))
    assert (queue.title, queue.highest, queue.points[-1]) == ("Waiting for the reader at b", 3, (9, 2))


def test_a_note_that_only_looks_like_a_number_is_no_curve() -> None:
    notes = [Note(at, "a", "main", text) for at, text in enumerate(("x=1e400", "=5", "x=1", "x=<b>", "x = 2", "x: 3"))]
    (curve,) = plots.curves(Trace(scene="s", seed=1, testbed="sim", events=list(notes)))
    assert [value for _, value in curve.points] == [1, 2, 3]


def test_a_network_is_drawn_with_all_its_links() -> None:
    lines = (
        Line("a-r", ("a", "r"), "10 Mbit/s, delay 5ms"),
        Line("a-r.2", ("a", "r")),
        Line("r-b", ("r", "b")),
        Line("r-c", ("r", "c")),
    )
    drawn = network.svg(Trace(scene="s", seed=1, testbed="sim", hosts=("a", "b", "c", "r", "alone"), lines=lines))
    page = Page(drawn)
    assert page.count["rect"] == 5
    assert page.count["path"] == 4
    assert len(set(page.values("d"))) == 4, "parallel links are told apart"
    assert "10 Mbit/s, delay 5ms" in drawn


def written(tmp_path: Path, *chapters: Chapter, fields: Callable | None = None) -> str:
    path = write_report(tmp_path / "told.html", title="Told", chapters=chapters, fields=fields)
    return path.read_text(encoding="utf-8")


def told(verdict: Verdict, story: list[Told], broken: Broken | None = None, *, title: str = "a check") -> Chapter:
    outcome = Outcome(verdict=verdict, seed=1, seeds_tried=1, story=story, broken=broken)
    return Chapter(title=title, step="4", outcome=outcome, hint="Count *what was read*: `app.consumed`, not <b>.")


def test_a_long_story_is_folded_up_to_its_end(tmp_path: Path) -> None:
    story = [Told(f"line-{n}", f"line {n} held", True) for n in range(30)]
    page = written(tmp_path, told(Verdict.FAIL, story))
    folded = page[page.index("<summary>22 lines before</summary>") : page.index("</details>")]
    assert folded.count("<li") == 22
    assert "line 21 held" in folded
    assert "line 22 held" not in folded
    short = written(tmp_path, told(Verdict.FAIL, story[:11]))
    assert "lines before" not in short
    assert "line 0 held" in short


def test_what_failed_comes_before_what_passed(tmp_path: Path) -> None:
    passed, failed = told(Verdict.PASS, [], title="it passes"), told(Verdict.FAIL, [], title="it fails")
    page = written(tmp_path, passed, failed, passed)
    assert page.index('id="chapter-2"') < page.index('id="chapter-1"') < page.index('id="chapter-3"')
    assert "<summary>2 passed</summary>" in page


def test_our_own_words_have_code_and_emphasis(tmp_path: Path) -> None:
    page = written(tmp_path, told(Verdict.FAIL, []))
    assert "Count <em>what was read</em>: <code>app.consumed</code>, not &lt;b&gt;." in page


def test_fields_that_differ_stand_in_a_table(tmp_path: Path, converse: Callable, fields: Callable) -> None:
    frame = next(converse().frames("a-b"))
    broken = Broken("number", "it is numbered", frame=frame, wanted=b"\0\0\7" + frame.data[3:])
    page = written(tmp_path, told(Verdict.FAIL, [], broken), fields=fields)
    assert "a-b:data:1 beside the frame expected" in page
    assert "<tr><td>sequence</td><td>0</td><td>7</td></tr>" in page
    assert "<td>payload</td>" not in page


def test_a_unit_script_is_told_by_what_came_back_and_not_drawn(tmp_path: Path) -> None:
    line = Told("unit:u:1", "add(1, 2): three", True, came="3", wanted="3")
    script = Played(trace=Trace(scene="u", seed=1, testbed="sim", hosts=("desk",)), output={}, unmet=())
    chapter = told(Verdict.FAIL, [line])
    chapter.outcome.played = [script]
    page = written(tmp_path, chapter)
    assert 'add(1, 2): three<span class="came">3</span>' in page
    assert "What was played" not in page
    assert "<svg" not in page
