"""A trace is written and read without loss, and what is no trace raises one error that names the line."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.story.trace import Event, Exit, FrameEvent, Line, Note, PortEvent, Recorder, Trace, TraceError

times = st.integers(0, 2**63 - 1)
counts = st.integers(1, 10**6)
frames = st.builds(
    FrameEvent,
    at=times,
    direction=st.text(),
    kind=st.text(),
    index=counts,
    data=st.binary(),
    lost=st.sampled_from(["", "dropped", "cut"]),
    faults=st.lists(st.text()).map(tuple),
    arrivals=st.lists(times).map(tuple),
    arrived=st.none() | st.binary(),
)
ports = st.builds(
    PortEvent,
    at=times,
    host=st.text(),
    port=st.text(),
    what=st.sampled_from(["offered", "taken", "delivered", "consumed"]),
    number=counts,
    payload=st.binary(),
)
notes = st.builds(Note, at=times, host=st.text(), program=st.text(), text=st.text())
exits = st.builds(
    Exit,
    at=times,
    host=st.text(),
    program=st.text(),
    how=st.sampled_from(["returned", "raised", "cancelled", "died", "stopped"]),
    detail=st.text(),
)
lines = st.builds(Line, name=st.text(), ends=st.tuples(st.text(), st.text()), properties=st.text())
traces = st.builds(
    Trace,
    scene=st.text(),
    seed=times,
    testbed=st.text(),
    hosts=st.lists(st.text()).map(tuple),
    lines=st.lists(lines, max_size=3).map(tuple),
    events=st.lists(st.one_of(frames, ports, notes, exits), max_size=8),
    ended=st.text(),
    ended_at=times,
    omitted=st.integers(0, 99),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def written(*events: Event, **header: Any) -> list[dict[str, Any]]:
    trace = Trace(scene="talk", seed=1, testbed="sim", hosts=("a", "b"), events=list(events))
    return [json.loads(line) for line in trace.to_lines()]


def read(records: list[Any]) -> Trace:
    return Trace.from_lines(json.dumps(record) for record in records)


@given(traces)
def test_what_is_written_is_read(trace: Trace) -> None:
    assert Trace.from_lines(trace.to_lines()) == trace


@given(traces)
def test_a_line_of_a_trace_is_a_line_of_ascii(trace: Trace) -> None:
    for line in trace.to_lines():
        assert line.isascii()
        assert line.isprintable()


def test_a_trace_survives_a_file(tmp_path: Path) -> None:
    trace = Trace(scene="Łódź\n\x1b[2J", seed=1, testbed="sim", events=[Note(5, "a", "main", "line\u2028line\r\n")])
    trace.write(tmp_path / "trace.jsonl")
    assert Trace.read(tmp_path / "trace.jsonl") == trace


@given(st.lists(st.text()))
def test_text_that_is_no_trace_raises_one_error(lines: list[str]) -> None:
    with pytest.raises(TraceError):
        Trace.from_lines(lines)


@given(st.lists(json_values, max_size=3))
def test_json_that_is_no_trace_raises_one_error(records: list[Any]) -> None:
    with pytest.raises(TraceError):
        read(records)


@given(traces, st.integers(0), json_values, st.data())
def test_a_wrong_value_anywhere_is_refused_or_makes_a_valid_trace(
    trace: Trace, line: int, value: Any, data: st.DataObject
) -> None:
    records = [json.loads(text) for text in trace.to_lines()]
    record = records[line % len(records)]
    record[data.draw(st.sampled_from(sorted(record)))] = value
    try:
        changed = read(records)
    except TraceError:
        return
    assert Trace.from_lines(changed.to_lines()) == changed


def test_an_error_names_the_line_and_what_is_wrong_with_it() -> None:
    records = written(Note(1, "a", "main", "x"), Note(2, "a", "main", "y"))
    records[2]["at"] = "soon"
    with pytest.raises(TraceError, match="line 3 is not an event: at is no"):
        read(records)


def test_a_header_has_no_events_of_its_own() -> None:
    (header,) = written()
    with pytest.raises(TraceError, match="line 1"):
        read([header | {"events": []}])


def test_an_event_of_no_known_sort_is_refused() -> None:
    with pytest.raises(TraceError, match="line 2"):
        read([*written(), {"event": "verdict", "passed": True}])


def test_a_trace_of_another_version_says_so() -> None:
    (header,) = written()
    with pytest.raises(TraceError, match="another version"):
        read([header | {"trace": 99}])


def test_an_empty_file_is_not_a_trace() -> None:
    with pytest.raises(TraceError, match="empty"):
        Trace.from_lines([])


def test_questions_to_a_trace() -> None:
    query = FrameEvent(1, "a-b", "query", 1, b"?", lost="dropped", faults=("drop a-b:query:1",))
    again = FrameEvent(2, "a-b", "query", 2, b"?", faults=("hold a-b:query:2:1s", "duplicate a-b:query:2"))
    answer = FrameEvent(3, "b-a", "answer", 1, b"!")
    handed = PortEvent(4, "a", "app", "delivered", 1, b"!")
    other = PortEvent(4, "a", "log", "delivered", 1, b"written")
    trace = Trace(
        scene="s", seed=1, testbed="sim", events=[query, again, answer, handed, other, Exit(5, "a", "main", "returned")]
    )
    assert list(trace.frames()) == [query, again, answer]
    assert list(trace.frames("a-b")) == [query, again]
    assert list(trace.frames(kind="answer")) == [answer]
    assert trace.delivered("a") == [b"!"]
    assert trace.delivered("a", "log") == [b"written"]
    assert trace.faults() == ("drop a-b:query:1", "hold a-b:query:2:1s", "duplicate a-b:query:2")


class TestRecorder:
    """Bounded in events and in bytes; what finds no room is counted, and how a program ended always has room."""

    def test_events_beyond_the_bound_are_counted(self) -> None:
        trace = Trace(scene="s", seed=1, testbed="sim")
        recorder = Recorder(trace, most_events=3)
        for at in range(5):
            recorder.add(Note(at, "a", "main", "x"))
        recorder.add(Exit(9, "a", "main", "returned"))
        assert [event.at for event in trace.events] == [0, 1, 2, 9]
        assert trace.omitted == 2

    @given(st.lists(st.one_of(frames, ports, notes), max_size=30), st.integers(0, 300))
    def test_bytes_stay_within_the_bound(self, events: list[Event], bound: int) -> None:
        trace = Trace(scene="s", seed=1, testbed="sim")
        recorder = Recorder(trace, most_bytes=bound)
        for event in events:
            recorder.add(event)
        assert len(trace.events) + trace.omitted == len(events)
        assert sum(len(e.data) + len(e.arrived or b"") for e in trace.frames()) <= bound

    def test_whoever_watches_sees_everything(self) -> None:
        seen: list[Event] = []
        recorder = Recorder(Trace(scene="s", seed=1, testbed="sim"), most_events=0, watch=seen.append)
        recorder.add(Note(1, "a", "main", "x"))
        assert seen == [Note(1, "a", "main", "x")]
