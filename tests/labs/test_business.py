"""The business is the one thing that no lab changes."""

from pathlib import Path

import pytest

import labs
from labs.lab00_machine.starter import business

HERE = Path(labs.__file__).parent
ORIGINAL = HERE / "lab00_machine/starter/business.py"
COPIES = sorted(path for path in HERE.glob("lab*/**/business.py") if path != ORIGINAL)


@pytest.mark.parametrize("copy", COPIES, ids=lambda path: path.relative_to(HERE).as_posix())
def test_business_is_the_same_in_every_lab(copy: Path) -> None:
    assert copy.read_bytes() == ORIGINAL.read_bytes()


def test_a_question_is_answered_in_the_words_of_the_cards() -> None:
    team = business.team_asked_about("Who plays for 雪豹?".encode())
    assert business.answer(team, business.players_of(team)).decode() == "雪豹: 李娜, 王芳"


def test_nobody_plays_for_a_team_that_is_empty_or_unknown() -> None:
    for team in ("Understudies", "Penguins", ""):
        assert business.answer(team, business.players_of(team)) == f"{team}: nobody".encode()


def test_any_bytes_are_a_question() -> None:
    for question in (b"", b"\xff\xfe", b"Who plays for ", b"?", b"Who plays for \xed\xa0\x80?"):
        team = business.team_asked_about(question)
        assert business.answer(team, ()).endswith(b": nobody")
        assert business.apology(team).endswith(b": please ask again later")
