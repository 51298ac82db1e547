"""Labs as data: what is read is valid, and what is not says which file, which key, and what to write instead."""

import tomllib
from pathlib import Path

import pytest

from labs.course import CHECKOUT, CourseError, Kind, Lab, open_course, read_lab
from labs.imports import hidden_closure

COURSE_TOML = """
[[lab]]
number = "7"
name = "toy"
title = "Toy"
act = 1
weight = 100
"""
LAB_TOML = """
[lab]
title = "Toy"
act = 1
core_minutes = 10
objectives = ["play"]
reference = { "toy.py" = "netstack/wire.py" }

[[step]]
id = "1"
title = "Build"
kind = "build"
points = 90
deliverable = "toy.py"
minutes = 5

[[step]]
id = "2"
title = "Foretell"
kind = "predict"
points = 10
minutes = 5
"""


def write(folder: Path, *, course: str = COURSE_TOML, lab: str = LAB_TOML) -> Path:
    (folder / "lab07_toy").mkdir(parents=True)
    (folder / "course.toml").write_text(course)
    (folder / "lab07_toy" / "lab.toml").write_text(lab)
    return folder


def test_a_lab_is_read_into_values(tmp_path: Path) -> None:
    lab = open_course(write(tmp_path)).lab("toy")
    assert (lab.number, lab.name, lab.package, lab.points) == ("7", "toy", "labs.lab07_toy", 100)
    assert [step.kind for step in lab.steps] == [Kind.BUILD, Kind.PREDICT]
    assert lab.deliverables == ("toy.py", "answers.toml")
    assert lab.step("1").testbeds == ("sim",)


@pytest.mark.parametrize("name", ["7", "07", "toy", "lab07", "lab07_toy", "Toy", " TOY "])
def test_a_lab_is_found_by_number_and_by_name(name: str, tmp_path: Path) -> None:
    assert open_course(write(tmp_path)).lab(name).number == "7"


@pytest.mark.parametrize(("wanted", "meant"), [("tyo", "7 (toy)"), ("70", "7 (toy)"), ("\x1b[2J", "./lab list")])
def test_a_lab_that_does_not_exist_gets_the_nearest_names(wanted: str, meant: str, tmp_path: Path) -> None:
    with pytest.raises(CourseError) as caught:
        open_course(write(tmp_path)).lab(wanted)
    assert caught.value.message.isprintable()
    assert meant in caught.value.cure


def test_a_lab_to_come_says_which_are_here(tmp_path: Path) -> None:
    coming = COURSE_TOML + COURSE_TOML.replace('"7"', '"8"').replace("toy", "soon")
    with pytest.raises(CourseError, match="still to come") as caught:
        open_course(write(tmp_path, course=coming)).lab("8")
    assert "labs that are here: 7" in caught.value.cure


@pytest.mark.parametrize(
    ("was", "becomes", "says", "cure"),
    [
        ('title = "Toy"\n', "", "[lab]: title is missing", 'title = "…"'),
        ("points = 90", 'points = "90"', "number 1: points is '90'", "a whole number"),
        ("points = 90", "points = true", "points is True", "a whole number"),
        ("points = 90", "points = -1", "points is -1", "less than 0"),
        ("points = 90", "points = 80", "adds up to 90 points", "worth 100"),
        ('kind = "predict"', 'kind = "predcit"', "kind is 'predcit'", "build, predict, diagnose"),
        ('id = "2"', 'id = "1"', "an id twice", "of its own"),
        ('id = "2"', 'id = "../2"', "id is '../2'", "digits and small letters"),
        ("minutes = 5\n\n", "minuets = 5\n\n", "minutes is missing", "minutes"),
        ('deliverable = "toy.py"', 'deliverables = "toy.py"', "deliverables is unknown", "did you mean deliverable?"),
        ('deliverable = "toy.py"', 'testbeds = ["mininet"]', "90 points on mininet alone", "at most 20"),
        ('deliverable = "toy.py"', 'testbeds = ["moon"]', "names 'moon'", "sim, mininet"),
        ("act = 1", "act = ", "lab.toml: ", "mend the file"),
        ("[[step]]", "[step]", "", ""),
    ],
)
def test_a_broken_lab_names_file_key_and_cure(was: str, becomes: str, says: str, cure: str, tmp_path: Path) -> None:
    write(tmp_path, lab=LAB_TOML.replace(was, becomes, 1))
    with pytest.raises(CourseError) as caught:
        read_lab(tmp_path / "lab07_toy")
    assert str(tmp_path / "lab07_toy" / "lab.toml") in caught.value.message
    assert says in caught.value.message
    assert cure in caught.value.cure


def test_a_lab_that_is_not_listed_is_missed(tmp_path: Path) -> None:
    other = COURSE_TOML.replace('"7"', '"8"')
    with pytest.raises(CourseError, match=r"lab 7 .* is not listed"):
        open_course(write(tmp_path, course=other))


def test_what_imports_a_reference_is_hidden_with_it() -> None:
    closure = hidden_closure(["netstack/wire.py"])
    assert closure[0].startswith("netstack/")
    assert "netstack/wire.py" in closure
    importers = [path for path in CHECKOUT.glob("netstack/**/*.py") if "from netstack.wire import" in path.read_text()]
    assert {path.relative_to(CHECKOUT).as_posix() for path in importers} <= set(closure)


# The course itself.


def real_labs() -> list[Lab]:
    return list(open_course(CHECKOUT / "labs").labs())


def test_the_weights_add_up() -> None:
    entries = open_course(CHECKOUT / "labs").entries
    assert len(entries) == 14
    assert sum(entry.weight for entry in entries if not entry.elective) == 100


@pytest.mark.parametrize("lab", real_labs(), ids=lambda lab: lab.folder.name)
def test_a_lab_hides_what_gives_it_away(lab: Lab) -> None:
    if not lab.has_reference:
        pytest.skip("a student's edition has no reference")
    assert set(lab.hidden) == set(hidden_closure(list(lab.reference.values())))


@pytest.mark.parametrize("lab", real_labs(), ids=lambda lab: lab.folder.name)
def test_a_lab_keeps_to_the_measure_of_the_course(lab: Lab) -> None:
    electives = {entry.number for entry in open_course(CHECKOUT / "labs").entries if entry.elective}
    assert lab.core_minutes <= (20 if lab.number in electives else 8) * 60
    assert sum(step.minutes for step in lab.steps if not step.elective) <= lab.core_minutes
    for step in lab.steps:
        assert step.minutes <= 90
        assert len(step.hints) >= (3 if step.deliverable else 1), f"step {step.id}: a nudge, the concept, the place"
    assert tomllib.loads((lab.folder / "lab.toml").read_text())["lab"]["objectives"]
