"""What is known of mutants: hints that do not contradict each other, and a table that is not stale."""

import re
from collections import defaultdict

import pytest

from labs.course import CHECKOUT, Lab, open_course
from labs.grading.reference import read_patches
from labs.story import mutants

LABS = [lab for lab in open_course().labs() if (lab.folder / "wrong").is_dir()]
TABLE = CHECKOUT / "docs" / "mutants.md"


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.number)
def test_one_fingerprint_earns_one_hint(lab: Lab) -> None:
    hints = defaultdict(set)
    for patch in read_patches(lab.folder / "wrong"):
        for fingerprint in patch.all("fingerprint"):
            hints[patch.one("step"), fingerprint].add(patch.one("hint"))
    assert {shared: found for shared, found in hints.items() if len(found) > 1} == {}


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.number)
def test_every_mutant_is_described(lab: Lab) -> None:
    assert [patch.name for patch in read_patches(lab.folder / "wrong") if not mutants.what_is_wrong(patch)] == []


@pytest.mark.parametrize("number", ["0", "1", "2", "3", "4", "5", "6", "7", "8"])
def test_the_table_in_the_documents_is_not_stale(number: str) -> None:
    lab = next(lab for lab in LABS if lab.number == number)
    section = re.split(r"^## ", TABLE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1 + int(number)]
    assert section.startswith(f"Lab {number}: {lab.title}\n")
    cells = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in section.splitlines() if line.startswith("| `")]
    patches = read_patches(lab.folder / "wrong")
    again = f"./lab prove {number} --show --markdown --on sim makes the table of docs/mutants.md anew"
    assert [(cell[0], cell[1], cell[-1]) for cell in cells] == [
        (f"`{patch.name}`", patch.one("step"), mutants.in_cell(patch.one("hint"))) for patch in patches
    ], again
