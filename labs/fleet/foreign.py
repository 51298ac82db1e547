"""The service in Ruby: where *players* is stands in a file, and whoever moves *players* has to edit that file."""

import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import trio

from labs.fleet.people import Tally
from labs.fleet.running import START_WITHIN, FleetError, Member, Processes
from labs.fleet.working_copy import WorkingCopy
from mesh.http import HttpError, Request
from mesh.http.client import Broken, CannotConnect, Pool
from mesh.instances import Instance

NAME = "archive"
SOURCE = "archive.rb"
SETTINGS = "archive.conf"


def missing() -> str:
    """Why this machine cannot run it; "" if it can."""
    return "" if shutil.which("ruby") else "Ruby is not installed here (Debian: apt-get install ruby)"


@dataclass(slots=True, eq=False)
class Archive:
    """The service, and how it is looked after by hand. `edits` and `restarts` count what that took."""

    copy: WorkingCopy
    launcher: Processes
    member: Member | None = None
    pool: Pool | None = None
    edits: int = 0
    restarts: int = 0

    async def deploy(self, players: Instance) -> None:
        """Write down where *players* is, and start it anew."""
        folder = self.copy.folder / "ruby"
        (folder / SETTINGS).write_text(f"{players.address}:{players.port}\n", encoding="ascii")
        if self.member:
            self.edits += 1
            self.restarts += 1
            await self.member.kill()
        said = folder / "port"
        said.unlink(missing_ok=True)
        self.member = await self.launcher.run(NAME, ["ruby", str(folder / SOURCE), str(folder / SETTINGS), str(said)])
        self.pool = Pool(connect=partial(trio.open_tcp_stream, "127.0.0.1", await _said(said)))

    def rename_header(self) -> None:
        """Have it say who calls as release 2 of the library wants it."""
        source = self.copy.folder / "ruby" / SOURCE
        source.write_text(source.read_text(encoding="utf-8").replace('"x-caller"', '"caller"'), encoding="utf-8")

    async def ask(self, tally: Tally) -> None:
        """Ask it who plays for a team."""
        tally.asked[NAME] += 1
        assert self.pool is not None
        try:
            with trio.fail_after(5):
                response = await self.pool.request(Request("GET", f"/of?team={quote('Herons')}", NAME))
        except (CannotConnect, Broken, HttpError, trio.TooSlowError) as error:
            tally.fail(NAME, str(error))
            return
        if response.status != 200 or json.loads(response.body) != ["Ada", "Edsger", "Grace"]:
            tally.fail(NAME, response.body.decode("utf-8", "replace"))


async def _said(file: Path) -> int:
    """The port that it has written down when it began to listen."""
    with trio.move_on_after(START_WITHIN):
        while not await trio.Path(file).exists():  # noqa: ASYNC110 - another process sets no event
            await trio.sleep(0.02)
        return int(await trio.Path(file).read_text(encoding="ascii"))
    raise FleetError(f"{NAME} has not started within {START_WITHIN:g} s")
