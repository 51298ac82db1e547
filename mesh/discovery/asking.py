"""Asking a source over HTTP: connections for as long as anybody needs them, one exception for all that goes wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from mesh.discovery.following import SourceFailed
from mesh.http import Headers, HttpError, Request, Response
from mesh.http.client import Broken, CannotConnect, Connect, Pool

JSON = Headers.of(content_type="application/json")


@dataclass(slots=True, eq=False)
class Asker:
    """Asks whoever `connect` leads to, `what` in words. `patience` is the seconds that any answer may take."""

    connect: Connect
    what: str
    authority: str
    patience: float
    _pool: Pool = field(init=False)
    _uses: int = field(init=False, default=0)

    @asynccontextmanager
    async def in_use(self) -> AsyncIterator[None]:
        """Connections are kept until the last such block has ended; `ask` within one."""
        if not self._uses:
            self._pool = Pool(connect=self.connect, connect_seconds=self.patience)
        self._uses += 1
        try:
            yield
        finally:
            self._uses -= 1
            if not self._uses:
                with trio.CancelScope(shield=True):  # nothing is waited for
                    await self._pool.aclose()

    async def ask(self, method: str, target: str, body: bytes = b"", *, waits: float = 0.0) -> Response:
        """The response, whatever its status, or `SourceFailed`; the source may let us wait for `waits` seconds more."""
        seconds = waits + self.patience
        try:
            with trio.fail_after(seconds):
                return await self._pool.request(Request(method, target, self.authority, JSON, body))
        except (CannotConnect, Broken, HttpError) as error:
            raise self.failed(str(error)) from None
        except trio.TooSlowError:
            raise self.failed(f"no answer for {seconds:.0f} s") from None

    def failed(self, why: str) -> SourceFailed:
        """The exception for `why`."""
        return SourceFailed(f"{self.what} at {self.authority}: {why}")
