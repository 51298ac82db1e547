"""The ledger counts what people would count, and draws what they would draw."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from labs.cli.ledger import in_words
from labs.cli.main import main
from labs.course import open_course
from labs.story.ledger import ASCII, DEPTH, HEIGHT, Counted, LedgerError, Row, draw, logical_lines, open_ledger


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("", 0),
        ("# a comment\n\n\n", 0),
        ('"""A module that only says what it is."""\n', 0),
        ("a = 1\n\n# why\nb = 2  # because\n", 2),
        ("a = [\n    1,\n    2,\n]\n", 1),
        ('def f():\n    """What it does.\n\n    In two paragraphs.\n    """\n    return 1\n', 2),
        ('class C:\n    """A class."""\n\n    async def m(self):\n        """A method."""\n        await x\n', 3),
        ('text = """not a\ndocstring"""\n', 1),
        ("if a: b()\nelse:\n    c()\n", 3),
        ("@decorated\ndef f(): ...\n", 2),
        ("last = 1", 1),
    ],
)
def test_a_statement_is_a_line_and_words_are_none(source: str, lines: int) -> None:
    assert logical_lines(source) == lines


def test_the_ledger_begins_at_zero_with_a_machine_that_has_no_network() -> None:
    first, *others = open_ledger(open_course())
    assert (first.number, first.inside, first.below) == ("0", 0, 0)
    assert first.application == first.zero > 5
    for row in others:
        assert row.zero == first.zero
        assert "business.py" not in {Path(each.file).name for each in row.files}


def test_mine_are_the_files_of_my_own_folders(tmp_path: Path) -> None:
    (tmp_path / "lab00").mkdir()
    (tmp_path / "lab00/teams.py").write_text("\n".join(f"line{number} = 0" for number in range(100)))
    first, *others = open_ledger(open_course(), tmp_path)
    assert first.files == (Counted("teams.py", 100, True),)
    assert first.inside == 100 - first.zero
    assert all(row.files == () for row in others)


def test_a_file_that_cannot_be_counted_is_named(tmp_path: Path) -> None:
    (tmp_path / "lab00").mkdir()
    (tmp_path / "lab00/teams.py").write_text("def main(:\n")
    with pytest.raises(LedgerError, match=r"teams\.py cannot be counted: invalid syntax"):
        open_ledger(open_course(), tmp_path)


def row(number: str, inside: int, below: int) -> Row:
    return Row(number=number, title="", files=(Counted("in", inside, True), Counted("under", below, False)))


def test_the_curve_stands_on_the_application_s_edge() -> None:
    assert draw([row("0", 0, 0), row("1", 160, 50), row("4b", 20, 200)], signs=ASCII) == [
        "   160 |       ##",
        "       |       ##",
        "       |       ##",
        "       |       ##",
        "       |       ##",
        "       |       ##",
        "       |       ##",
        "       |       ##   ##",
        "     0 +--0----1----4b-",
        "       |       ::   ::",
        "       |            ::",
        "       |            ::",
        "   200 |            ::",
    ]


def test_the_curve_fits_eighty_columns_and_an_empty_course() -> None:
    course = [row(str(number), number * 37 % 101, number * 400) for number in range(13)]
    drawn = draw(course)
    assert max(map(len, drawn)) <= 80
    assert len(drawn) == len(draw([])) == HEIGHT + 1 + DEPTH
    assert max(map(len, draw(course, columns=30))) <= 30


def test_the_command_tells_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "--files"]) == 0
    told = capsys.readouterr().out
    assert "One machine" in told
    assert max(map(len, told.splitlines())) <= 80
    assert main(["ledger", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0] == {
        "lab": "0",
        "title": "One machine",
        "inside": 0,
        "below": 0,
        "zero": rows[0]["files"][0]["lines"],
        "files": [{"file": "teams.py", "lines": rows[0]["zero"], "inside": True}],
    }
    assert [each["inside"] for each in rows if not each["files"]] == [None] * sum(not each["files"] for each in rows)


def test_a_lab_that_is_there_is_not_begun_and_one_that_is_not_is_to_come() -> None:
    rows = [Row(number="0", title="One machine"), Row(number="99", title="Another")]
    told = {line.split()[0]: line for line in in_words(rows, ["0"]).splitlines() if line[:1].isdigit()}
    assert told["0"].endswith("not begun")
    assert told["99"].endswith("to come")


def test_without_lab_0_nobody_claims_to_know_where_zero_is() -> None:
    row = Row(number="8", title="Library", files=(Counted("teams.py", 20, True),), zero=0)
    assert "Lab 0, where zero would stand, is not begun" in in_words([row], ["8"])
    assert "13 lines besides the business" in in_words([replace(row, zero=13)], ["8"])


def test_mine_without_any_work_says_how_to_begin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOWNSTACK_HOME", str(tmp_path))
    assert main(["ledger", "--mine"]) == 64
    assert "./lab start 0" in capsys.readouterr().err
