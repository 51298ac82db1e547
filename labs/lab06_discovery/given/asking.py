"""Questions to whoever is at an address: calls, and who is registered. One pool of connections for each address."""

from functools import partial

import trio

from mesh.discovery.registry.wire import Question, build_question, parse_answer
from mesh.failures import CallFailed, Status
from mesh.http.client import Broken, CannotConnect, Pool
from mesh.http.message import Request
from mesh.instances import Instance
from mesh.rpc import json_call, over_http, read_json


class Lines:
    """Connections to all who are asked, kept for further questions. Addresses are pairs of an address and a port."""

    def __init__(self) -> None:
        self._pools = {}

    async def call(self, where, method: str, arguments: object) -> object:
        """Call `method` ("players.Players/of"); raises `CallFailed`."""
        service, _, name = method.partition("/")
        send = over_http(self._pool(where).request, "{}:{}".format(*where))
        return read_json(await send(json_call(service, name, arguments)))

    async def find(self, where, service: str, query) -> tuple[Instance, ...]:
        """Ask the registry who of `service` fits `query`; raises `CallFailed`."""
        request = Request("GET", build_question(Question(service, query)), "{}:{}".format(*where))
        try:
            response = await self._pool(where).request(request)
        except (CannotConnect, Broken) as error:
            raise CallFailed(Status.UNAVAILABLE, str(error)) from None
        return parse_answer(service, response.body).instances

    def _pool(self, where) -> Pool:
        address, port = where
        if where not in self._pools:
            self._pools[where] = Pool(connect=partial(trio.open_tcp_stream, address, port))
        return self._pools[where]
