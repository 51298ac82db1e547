"""A diagram shows every frame, in the order of cause and effect, and every fate by its shape."""

import itertools
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.story.diagram import Diagram, ends, in_words, lane_order
from labs.story.diagram_svg import embedded, standalone
from labs.story.diagram_text import text
from labs.story.trace import Event, Exit, FrameEvent, Line, Note, PortEvent, Trace
from netstack.wire import MILLISECOND, SECOND

SVG = "{http://www.w3.org/2000/svg}"
TINY = 1e-9  # what sums of floats may lose
EVERY_FATE = ("drop a-b:data:2", "duplicate a-b:data:4", "flip a-b:data:5:9", "hold b-a:ack:3:40ms")
A_B = (Line("a-b", ("a", "b")),)


def trace_of(*events: Event, hosts: tuple[str, ...] = ("a", "b"), lines: tuple[Line, ...] = A_B) -> Trace:
    last = max((event.at for event in events), default=0)
    return Trace(
        scene="made", seed=1, testbed="sim", hosts=hosts, lines=lines, events=list(events), ended_at=10**12 + last
    )


def frame(
    at: int, *arrivals: int, direction: str = "a-b", index: int = 1, kind: str = "data", lost: str = ""
) -> FrameEvent:
    return FrameEvent(at, direction, kind, index, b"\0frame", lost, (), arrivals)


# The layout -----------------------------------------------------------------------------------------------------------

times = st.integers(0, 3 * SECOND)
frames = st.builds(
    lambda at, flights, direction, lost: frame(
        at, *(() if lost else sorted(at + flight for flight in flights)), direction=direction, lost=lost
    ),
    times,
    st.lists(st.sampled_from([0, 1, MILLISECOND, 5 * MILLISECOND, SECOND]), min_size=1, max_size=2),
    st.sampled_from(["a-b", "b-a"]),
    st.sampled_from(["", "", "dropped"]),
)
notes = st.builds(lambda at, host: Note(at, host, "main", "a note"), times, st.sampled_from("ab"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(frames, notes), max_size=30).map(lambda events: sorted(events, key=lambda event: event.at)))
def test_time_runs_down_and_nothing_stands_on_anything_else(events: list[Event]) -> None:
    diagram = Diagram.of(trace_of(*events))
    for above, below in itertools.pairwise(diagram.moments):
        assert (above.at, above.y) <= (below.at, below.y), "a later moment stands lower"
    for lane in (0, 1):
        on_lane = [moment.y for moment in diagram.moments if moment.lane == lane]
        assert all(below - above >= 0.5 - TINY for above, below in itertools.pairwise(on_lane)), (
            "half a row between two"
        )
    for arrow in diagram.arrows:
        assert all(bottom >= diagram.top(arrow) for bottom in diagram.bottoms(arrow)), "no frame runs up"
        assert bool(arrow.arrives) == bool(arrow.frame.arrivals)
    assert [arrow.frame for arrow in diagram.arrows] == [event for event in events if isinstance(event, FrameEvent)]
    assert len(diagram.marks) == sum(isinstance(event, Note) for event in events)


def test_an_answer_sent_on_arrival_leaves_below_what_it_answers() -> None:
    diagram = Diagram.of(
        trace_of(frame(0, 0), frame(0, 0, direction="b-a"), frame(0, 5, index=2), frame(5, 5, direction="b-a"))
    )
    question, answer, later, reply = diagram.arrows
    assert question.arrives[0] < answer.sent, "even when a link takes no time"
    assert later.arrives[0] < reply.sent


def test_a_long_silence_is_drawn_short_and_says_how_long_it_was() -> None:
    diagram = Diagram.of(trace_of(frame(0, MILLISECOND), frame(SECOND, SECOND + MILLISECOND, index=2)))
    (pause,) = diagram.pauses
    assert pause.time == SECOND - MILLISECOND
    assert diagram.height < 20
    assert "999 ms" in standalone(diagram)
    assert "+999 ms" in text(diagram)


def test_frames_of_a_burst_stand_apart_though_they_are_simultaneous() -> None:
    diagram = Diagram.of(trace_of(*(frame(0, 5, index=index) for index in range(1, 6))))
    tops = [diagram.top(arrow) for arrow in diagram.arrows]
    assert all(below - above == 1.0 for above, below in itertools.pairwise(tops))
    assert [at for _, at in diagram.ticks()] == [0, 5], "the axis tells each time once"


def test_a_frame_still_under_way_at_the_end_has_no_arrival() -> None:
    trace = trace_of(frame(0, 5 * SECOND))
    diagram = Diagram.of(replace(trace, ended_at=SECOND))
    assert diagram.arrows[0].arrives == ()
    assert diagram.arrows[0].fares == ("under way",)
    assert "data 1 still under way" in text(diagram)


def test_every_fate_is_told(converse) -> None:
    diagram = Diagram.of(converse(*EVERY_FATE))
    fares = {arrow.frame.kind + str(arrow.frame.index): arrow.fares for arrow in diagram.arrows if arrow.fares}
    assert fares == {"data2": ("lost",), "data4": ("doubled",), "data5": ("damaged",), "ack3": ("held",)}
    labels = [arrow.label for arrow in diagram.arrows]
    assert {"data 2 dropped", "data 4 twice", "data 5 damaged", "ack 3 held"} <= set(labels)


def test_payloads_that_come_and_go_at_once_are_told_once() -> None:
    port = [PortEvent(0, "a", "app", "offered", n, b"p") for n in range(1, 7)]
    port += [
        PortEvent(0, "a", "app", "taken", 1, b"p"),
        PortEvent(9, "a", "app", "delivered", 1, b"\xff\0"),
        frame(9, 12),
    ]
    assert [mark.text for mark in Diagram.of(trace_of(*port)).marks] == [
        "offered 2 to 6",
        "takes 1 p",
        "delivers 1 ff 00",
    ]


def test_an_end_is_marked_unless_it_is_the_judges_own() -> None:
    marks = Diagram.of(trace_of(Exit(5, "a", "main", "raised", "ValueError"), Exit(9, "b", "main", "cancelled"))).marks
    assert [mark.text for mark in marks] == ["main raised"]


def test_a_chain_of_links_stands_in_its_order() -> None:
    lines = tuple(Line("-".join(pair), pair) for pair in (("a", "r1"), ("r1", "r2"), ("r2", "b")))
    assert lane_order(trace_of(hosts=("a", "b", "r1", "r2"), lines=lines)) in {
        ("a", "r1", "r2", "b"),
        ("b", "r2", "r1", "a"),
    }
    assert lane_order(trace_of(hosts=("a", "b"))) == ("a", "b"), "the topology's own order where it is as good"


def test_a_direction_of_a_second_link_or_of_hosts_with_dashes_finds_its_ends() -> None:
    lines = (Line("h-1-h-2", ("h-1", "h-2")), Line("h-1-h-2.2", ("h-1", "h-2")))
    trace = trace_of(hosts=("h-1", "h-2"), lines=lines)
    assert ends(trace, "h-2-h-1") == ("h-2", "h-1")
    assert ends(trace, "h-1-h-2.2") == ("h-1", "h-2")


@pytest.mark.parametrize(
    ("nanoseconds", "told"),
    [
        (0, "0"),
        (7, "7 ns"),
        (40_000, "40 µs"),
        (5_248_000, "5.248 ms"),
        (1_005_000_000, "1.005 s"),
        (10 * SECOND, "10 s"),
    ],
)
def test_times_in_words(nanoseconds: int, told: str) -> None:
    assert in_words(nanoseconds) == told


# SVG ------------------------------------------------------------------------------------------------------------------


def test_the_svg_is_a_document_with_a_shape_for_every_fate(converse) -> None:
    diagram = Diagram.of(converse(*EVERY_FATE))
    root = ElementTree.fromstring(standalone(diagram))
    shown = {group.get("data-frame"): group for group in root.iter(f"{SVG}g") if group.get("data-frame")}
    assert len(shown) == len(diagram.arrows)
    lines = {
        label: [path.get("class") for path in shown[str(number)].iter(f"{SVG}path")][1:]
        for number, label in ((arrow.number, arrow.label) for arrow in diagram.arrows)
    }
    assert lines["data 1"] == [None, None], "a line and a head"
    assert lines["data 2 dropped"] == [None, "sign"], "a line that ends in a cross"
    assert lines["data 4 twice"] == [None, None, None], "two lines and a head"
    assert lines["ack 3 held"] == ["held", None, "sign"], "a dashed line, a head, two bars"
    jag = shown[str(next(a.number for a in diagram.arrows if "damaged" in a.fares))]
    assert max(path.get("d").count("L") for path in jag.iter(f"{SVG}path")) == 5, "a jag on the way"


def test_a_notebook_shows_the_diagram_light_and_dark(converse) -> None:
    drawn = Diagram.of(converse())._repr_svg_()
    assert drawn.startswith("<svg ")
    assert "prefers-color-scheme: dark" in drawn
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", ""), "nothing from elsewhere"


def test_what_a_program_wrote_stays_text_in_the_svg() -> None:
    evil = '<script>alert(1)</script>"\x1b\u202e'
    diagram = Diagram.of(
        trace_of(
            Note(0, "a", "main", evil), frame(1, 2, kind=evil), PortEvent(3, "b", "app", "delivered", 1, evil.encode())
        )
    )
    for drawn in (standalone(diagram), *embedded(diagram)):
        assert "<script" not in drawn
        assert "\x1b" not in drawn
        assert "\u202e" not in drawn
        ElementTree.fromstring(drawn)


def test_bands_cover_what_they_hold(converse) -> None:
    _, body = embedded(Diagram.of(converse(count=200, window=8)))
    bands = [
        (float(g.get("data-top")), float(g.get("data-bottom")))
        for g in ElementTree.fromstring(body)
        if g.get("class") == "band"
    ]
    assert len(bands) > 5
    assert bands == sorted(bands)
    assert max(bottom - top for top, bottom in bands) < 4000, "so that few are in view at a time"


# Text -----------------------------------------------------------------------------------------------------------------


def test_the_text_shows_frames_that_are_in_flight_together() -> None:
    events = [
        frame(0, 5 * MILLISECOND),
        frame(0, 8 * MILLISECOND, index=2),
        frame(5 * MILLISECOND, 6 * MILLISECOND, direction="b-a", kind="ack"),
    ]
    drawn = text(Diagram.of(trace_of(*events)), width=40)
    lines = drawn.splitlines()
    assert lines[1].count("╮") == lines[2].count("╮") == 1
    assert lines[1].index("╮") > lines[2].index("╮"), "frames of one direction never cross"
    assert "╰─▶" in lines[3]
    assert "ack 1" in lines[4]
    assert "◀" in lines[4], "nothing happened meanwhile, so the acknowledgement is one straight arrow"
    assert "╰" in lines[5]


@pytest.mark.parametrize("width", [40, 80, 132])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_text_keeps_within_its_columns(converse, width: int, ascii_only: bool) -> None:
    drawn = text(Diagram.of(converse(*EVERY_FATE)), width=width, ascii_only=ascii_only)
    assert max(map(len, drawn.splitlines())) <= width
    assert drawn.isascii() == ascii_only
    for told in ("data 2 dropped", "data 4 twice", "data 5 damaged", "ack 3 held", "timeout"):
        assert told in drawn


def test_the_text_shows_what_lies_around_a_frame_and_counts_the_rest(converse) -> None:
    diagram = Diagram.of(converse(count=100))
    drawn = text(diagram, most=12, around=120)
    assert diagram.arrows[119].label in drawn
    assert len(drawn.splitlines()) < 40
    before, after = (
        int(line.split("(")[1].split()[0]) for line in drawn.splitlines() if "the report shows them" in line
    )
    shown = sum(line.count("●") for line in drawn.splitlines())
    assert before + shown + after == 200


def test_many_hosts_become_a_list() -> None:
    hosts = tuple(f"host{n}" for n in range(12))
    lines = tuple(Line(f"{one}-{other}", (one, other)) for one, other in itertools.pairwise(hosts))
    drawn = text(Diagram.of(trace_of(frame(7, 9, direction="host3-host4"), hosts=hosts, lines=lines)))
    assert "7 ns" in drawn
    assert "host3-host4" in drawn


def test_a_trace_of_nothing_is_drawn_too() -> None:
    for trace in (trace_of(), trace_of(hosts=("a",), lines=()), trace_of(hosts=(), lines=())):
        diagram = Diagram.of(trace)
        ElementTree.fromstring(standalone(diagram))
        text(diagram)


def test_what_a_program_wrote_cannot_steer_a_terminal() -> None:
    drawn = text(Diagram.of(trace_of(Note(0, "a", "main", "\x1b[2J\r\nfail \u202e"), frame(1, 2, kind="\x07"))))
    assert all(character == "\n" or character.isprintable() for character in drawn)


def test_payloads_in_any_language_are_shown_and_stay_in_their_columns() -> None:
    events = [
        PortEvent(0, "b", "app", "delivered", 1, "雪豹".encode()),
        PortEvent(1, "a", "app", "taken", 1, "Żubry".encode()),
    ]
    drawn = text(Diagram.of(trace_of(*events, frame(2, 3))), width=60)
    assert "delivers 1 雪豹" in drawn
    assert "takes 1 Żubry" in drawn
    assert len({sum(2 if c in "雪豹" else 1 for c in line) for line in drawn.splitlines()[1:4]}) == 1, (
        "the lanes stay straight"
    )


def test_few_payloads_are_told_one_by_one() -> None:
    marks = Diagram.of(trace_of(*(PortEvent(0, "a", "app", "taken", n, b"%d" % n) for n in (1, 2, 3)))).marks
    assert [mark.text for mark in marks] == ["takes 1 1", "takes 2 2", "takes 3 3"]
