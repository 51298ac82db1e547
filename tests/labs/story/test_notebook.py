"""Scenes in a notebook: played live, shown safely, with programs that a lecturer may replace."""

from collections.abc import Iterator

import pytest

from labs.story.notebook import Lecture


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
    assert "no &lt;b&gt;cards&lt;/b&gt;" in lecture.play("questions")._repr_html_()
    lecture.restore()


def test_the_same_seed_is_the_same_figure(lecture: Lecture) -> None:
    first, again = (lecture.play("at-once", seed=5) for _ in range(2))
    assert first._repr_html_() == again._repr_html_()
    assert len({lecture.play("at-once", seed=seed)._repr_html_() for seed in range(8)}) > 1
