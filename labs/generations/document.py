"""docs/generations.md and its picture: what the command printed, made anew by `python -m labs.generations`."""

from pathlib import Path

from labs.course import CHECKOUT, open_course
from labs.generations import faults, picture, words
from labs.generations.known import KNOWN, lines_inside
from labs.generations.replay import compare

DOCUMENT = CHECKOUT / "docs/generations.md"
PICTURE = CHECKOUT / "docs/generations.svg"
COLUMNS = 80
_BEGIN, _END = "```text\n", "```\n"


def printed() -> list[str]:
    """What the document says that `./lab generations` prints."""
    _, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(_BEGIN)
    return rest.partition(_END)[0].splitlines()


def renew() -> None:
    """Play the default script, put what is printed into the document, and draw its picture."""
    course = open_course()
    script = faults.read(Path(__file__).parent / "scripts/default.txt")
    inside = {generation.name: lines_inside(course, generation) for generation in KNOWN}
    comparison = compare(course, script)
    lines = words.whole(comparison, inside, columns=COLUMNS)
    PICTURE.write_text(picture.standalone(comparison), encoding="utf-8")
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    DOCUMENT.write_text("".join((before, _BEGIN, *(f"{line}\n" for line in lines), _END, after)), encoding="utf-8")
