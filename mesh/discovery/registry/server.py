"""The registry on the network: the trio around its desk. It lets those wait whose question has no news, and sweeps."""

import math
import random
from dataclasses import dataclass, field

import trio

from mesh.discovery.following import chance
from mesh.discovery.registry.desk import Desk
from mesh.discovery.registry.wire import PORT, Question
from mesh.http import Limits, Request, Response
from mesh.http import server as http


@dataclass(slots=True, eq=False)
class Front:
    """A desk that people stand in front of. `handle` is an HTTP server's handler; `sweep` runs beside it."""

    desk: Desk
    randomness: random.Random = field(default_factory=chance)
    _stirred: trio.Event = field(default_factory=trio.Event)

    async def handle(self, request: Request) -> Response:
        """Answer a request, when there is something to answer."""
        reply = self.desk.handle(request, now=trio.current_time())
        self._stir()
        return await self._wait(reply) if isinstance(reply, Question) else reply

    async def _wait(self, question: Question) -> Response:
        # Consul's jitter: those who began to wait together do not all ask again together
        longest = question.wait + self.randomness.uniform(0, question.wait / 16)
        with trio.move_on_after(longest):
            while not self.desk.has_news(question):
                await self._stirred.wait()
        return self.desk.answer(question)

    async def sweep(self) -> None:
        """Wake the desk when its leases want it, for ever."""
        while True:
            due = self.desk.next_timer()
            with trio.move_on_at(math.inf if due is None else due) as scope:
                await self._stirred.wait()
            if scope.cancelled_caught:
                self.desk.handle_timer(now=trio.current_time())
                self._stir()

    def _stir(self) -> None:
        """Something may have changed: let all who wait look."""
        self._stirred.set()
        self._stirred = trio.Event()


async def serve(
    desk: Desk,
    port: int = PORT,
    *,
    host: str | None = None,
    limits: Limits = Limits(connections=10_000),  # noqa: B008 - frozen
    randomness: random.Random | None = None,
    task_status: trio.TaskStatus[http.Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the registry at a port until cancelled. Each client that waits for news has a connection."""
    front = Front(desk, randomness or chance())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(front.sweep)
        await http.serve(front.handle, port, host=host, limits=limits, task_status=task_status)
