"""Scenes in a notebook: played live, shown safely, with programs that a lecturer may replace."""

import os
from collections.abc import Iterator

import pytest

from labs.story.notebook import Lecture, Played, ProgramFailed, Table, compared
from labs.story.telling import Teller
from labs.story.trace import FrameEvent, Note, PortEvent, Trace
from netstack.wire import SECOND


@pytest.fixture(scope="module")
def lecture() -> Iterator[Lecture]:
    lecture = Lecture("0")
    yield lecture
    lecture.close()


def test_a_play_is_drawn_and_told(lecture: Lecture) -> None:
    played = lecture.play("questions")
    assert played.answers("machine") == ["Herons: Ada, Edsger, Grace", "雪豹: 李娜, 王芳", "Penguins: nobody"]
    page = played._repr_html_()
    assert "<svg" in page
    assert "the program hands over: Penguins: nobody" in page
    assert "somebody wants to know: Who plays for 雪豹?" in str(played)


def test_another_program_takes_the_place_of_ours_until_ours_is_put_back(lecture: Lecture) -> None:
    ours = str(lecture.source("teams.py"))
    evil = "<script>alert(1)</script>\x1b[2J"
    lecture.write(
        "teams.py",
        f"""
        async def main(host):
            await host.app.receive()
            await host.app.send({evil.encode()!r})
        """,
    )
    played = lecture.play("questions")
    assert played.answers("machine") == [evil]
    assert "<script" not in played._repr_html_()
    assert "\x1b" not in str(played) + played._repr_html_()
    lecture.restore()
    assert str(lecture.source("teams.py")) == ours
    assert len(lecture.play("questions").answers("machine")) == 3


def test_what_the_lab_gives_is_not_replaced(lecture: Lecture) -> None:
    with pytest.raises(ValueError, match=r"players\.py is given by the lab"):
        lecture.write("players.py", "")


def test_a_program_that_fails_is_shown_failing(lecture: Lecture) -> None:
    lecture.write("teams.py", "async def main(host):\n    raise ValueError('no <b>cards</b>')\n")
    shown, _, details = lecture.play("questions", failing=True)._repr_html_().partition("<details>")
    assert "no &lt;b&gt;cards&lt;/b&gt;" in shown, "without anything to be opened"
    assert "no &lt;b&gt;cards&lt;/b&gt;" in details
    lecture.restore()


def test_a_program_that_fails_unexpectedly_ends_the_cell(lecture: Lecture) -> None:
    lecture.write("teams.py", "async def main(host):\n    raise ValueError('no cards')\n")
    with pytest.raises(ProgramFailed, match=r"main on machine raised: (.*\n)*ValueError: no cards") as caught:
        lecture.play("questions")
    assert caught.value._render_traceback_() == [str(caught.value)]
    lecture.restore()


def test_a_program_finds_what_a_lecture_wrote_beside_it_before_ours_were_put_back(lecture: Lecture) -> None:
    lecture.restore()
    lecture.play("questions")
    lecture.write("whole.py", str(lecture.source("teams.py")))
    lecture.restore()
    lecture.write("teams.py", "from whole import main\n")
    assert len(lecture.play("questions").answers("machine")) == 3
    lecture.restore()


def test_two_versions_of_one_length_and_one_second_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    lecture, said = Lecture("0"), []
    for word in (b"one", b"two"):
        source = f"async def main(host):\n    await host.app.receive()\n    await host.app.send({word!r})\n"
        lecture.write("teams.py", source)
        os.utime(lecture._own / "teams.py", (1_700_000_000, 1_700_000_000))
        said += lecture.play("questions").answers("machine")
    lecture.close()
    assert said == ["one", "two"]


def test_the_same_seed_is_the_same_figure(lecture: Lecture) -> None:
    first, again = (lecture.play("at-once", seed=5) for _ in range(2))
    assert first._repr_html_() == again._repr_html_()
    assert len({lecture.play("at-once", seed=seed)._repr_html_() for seed in range(8)}) > 1


def test_an_excerpt_has_what_happened_in_between(lecture: Lecture) -> None:
    played = lecture.play("questions")
    times = sorted({event.at / SECOND for event in played.trace.events})
    middle = times[len(times) // 2]
    early, late = played.excerpt(end=middle), played.excerpt(begin=middle)
    assert {event.at / SECOND for event in early.trace.events} == {at for at in times if at < middle}
    assert [*early.trace.events, *late.trace.events] == played.trace.events
    assert "<svg" in early._repr_html_()


def test_an_excerpt_may_keep_frames_of_some_kinds_only() -> None:
    frames = [FrameEvent(at, "a-b", kind, 1, b"") for at, kind in enumerate(("data", "ack", "data"))]
    note = Note(5, "a", "main", "so be it")
    trace = Trace(scene="s", seed=1, testbed="sim", hosts=("a", "b"), events=[*frames, note], ended_at=9)
    kept = Played(trace, Teller(repr)).excerpt(kinds=["data"]).trace
    assert kept.events == [frames[0], frames[2], note]
    assert kept.ended_at == 9


def test_a_curve_is_named_by_how_its_title_begins_and_lasts_to_the_end() -> None:
    plays = {name: Played(queued(name, until), Teller(repr)) for name, until in (("one", 2), ("other", 4))}
    chart = compared("Waiting for the reader at b", plays)
    assert [(each.name, each.points[-1]) for each in chart.series] == [("one", (2, 1)), ("other", (4, 1))]
    assert chart.across == "seconds of virtual time"
    assert plays["one"].curve("Waiting").title == "Waiting for the reader at b"
    with pytest.raises(ValueError, match="no curve 'Speed' here, but Waiting for the reader at b"):
        plays["one"].curve("Speed")


def queued(name: str, until: int) -> Trace:
    """Three payloads handed to a reader who reads two of them."""
    events = [
        PortEvent(at * SECOND // 4, "b", "app", what, number, b"card")
        for at, what, number in ((1, "delivered", 1), (2, "delivered", 2), (3, "consumed", 1), (4, "delivered", 3))
    ] + [PortEvent(5 * SECOND // 4, "b", "app", "consumed", 2, b"card")]
    return Trace(scene=name, seed=1, testbed="sim", hosts=("a", "b"), events=list(events), ended_at=until * SECOND)


def test_a_table_is_shown_as_one() -> None:
    assert Table(["at", "r1"], [["0", 16]])._repr_markdown_() == "| at | r1 |\n| --- | --- |\n| 0 | 16 |"
