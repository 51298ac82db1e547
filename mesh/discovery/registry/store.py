"""What a registry still knows after a restart: who is registered, and the last index.

SQLite is called inline, in the task that answers the request: a commit takes well under a millisecond, for in this mode
it waits for no disk, while a thread for it would cost as much, and let two changes overtake each other. What a crash of
the *machine* may lose are the last changes; a crash of the process loses none.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from mesh.discovery.registry.wire import as_json, build_json, from_json, parse_json
from mesh.instances import Instance

_SCHEMA = """
CREATE TABLE IF NOT EXISTS instances (service TEXT, name TEXT, said BLOB, PRIMARY KEY (service, name));
CREATE TABLE IF NOT EXISTS last (only INTEGER PRIMARY KEY CHECK (only = 0), idx INTEGER);
INSERT OR IGNORE INTO last VALUES (0, 1);
"""


class SqliteStore:
    """A `Store` in the file at `path`; raises `sqlite3.Error` where the disk is full, or the file is none of ours."""

    def __init__(self, path: str | Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)

    def load(self) -> tuple[int, Sequence[Instance]]:
        """The last index, and all who were registered then."""
        ((index,),) = self._database.execute("SELECT idx FROM last")
        rows = self._database.execute("SELECT service, name, said FROM instances ORDER BY service, name")
        return index, [from_json(service, name, parse_json(said)) for service, name, said in rows]

    def keep(self, instance: Instance, *, index: int) -> None:
        """It is registered now, in place of any of its names."""
        row = instance.service, instance.name, build_json(as_json(instance))
        self._change(index, "INSERT OR REPLACE INTO instances VALUES (?, ?, ?)", row)

    def drop(self, service: str, name: str, *, index: int) -> None:
        """It no longer is."""
        self._change(index, "DELETE FROM instances WHERE service = ? AND name = ?", (service, name))

    def _change(self, index: int, statement: str, row: tuple[str | bytes, ...]) -> None:
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute(statement, row)
            self._database.execute("UPDATE last SET idx = ?", (index,))

    def close(self) -> None:
        """Give the file back."""
        self._database.close()
