"""Tables of TOML files, read key by key: what is missing, of the wrong kind, or asked for by nobody is a `CourseError`.

An error names the file, the key, and what to write instead, for these files are written by people.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class CourseError(Exception):
    """A description of a lab that cannot be used, or a lab that does not exist; `cure` is what would help."""

    def __init__(self, message: str, *, cure: str = "") -> None:
        super().__init__(message)
        self.message, self.cure = message, cure


def load(path: Path) -> dict[str, Any]:
    """What stands in the TOML file `path`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(
            f"{path} does not exist", cure="a course has one course.toml, each lab one lab.toml"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: {error}", cure="mend the file: it must be TOML in UTF-8") from None


@dataclass(slots=True)
class Table:
    """A table of a TOML file, read key by key; `where` says which one it is. Keys that nobody asked for are errors."""

    file: Path
    where: str
    values: Mapping[str, Any]
    _asked: set[str] = field(default_factory=set)

    def value(self, key: str, kind: type[T], default: T | None = None) -> T:
        """The value of `key`, which must be of `kind`; without a default it must be there."""
        self._asked.add(key)
        if key not in self.values:
            if default is None:
                raise self.error(key, "is missing", f"add {key} = {_EXAMPLES[kind]}")
            return default
        found = self.values[key]
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise self.error(key, f"is {found!r}", f"write {_KINDS[kind]}, as in {key} = {_EXAMPLES[kind]}")
        return found

    def text(self, key: str) -> str:
        return self.value(key, str)

    def whole(self, key: str) -> int:
        number = self.value(key, int)
        if number < 0:
            raise self.error(key, f"is {number}", "it cannot be less than 0")
        return number

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        found = self.value(key, list, None if default is None else list(default))
        if not all(isinstance(each, str) for each in found):
            raise self.error(key, f"is {found!r}", f"write a list of texts, as in {key} = {_EXAMPLES[list]}")
        return tuple(found)

    def choice(self, key: str, choices: Sequence[str]) -> str:
        found = self.text(key)
        if found not in choices:
            raise self.error(key, f"is {found!r}", f"write one of {', '.join(choices)}")
        return found

    def table(self, key: str) -> "Table":
        return Table(self.file, f"[{key}]", self.value(key, dict))

    def tables(self, key: str) -> list["Table"]:
        found = self.value(key, list)
        if not found or not all(isinstance(each, dict) for each in found):
            raise self.error(key, "is not a list of tables", f"write each as a table that begins with [[{key}]]")
        return [Table(self.file, f"[[{key}]] number {number}", each) for number, each in enumerate(found, 1)]

    def done(self) -> None:
        """All keys have been asked for; any other is a slip of the pen."""
        for key in self.values.keys() - self._asked:
            near = difflib.get_close_matches(key, self._asked, n=1)
            raise self.error(key, "is unknown", f"did you mean {near[0]}?" if near else "remove it")

    def error(self, key: str, what: str, cure: str) -> CourseError:
        return CourseError(f"{self.file}: {self.where + ': ' if self.where else ''}{key} {what}", cure=cure)


_KINDS: dict[type, str] = {str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}
_EXAMPLES: dict[type, str] = {str: '"…"', int: "10", bool: "true", list: '["…"]', dict: "{ … }"}
