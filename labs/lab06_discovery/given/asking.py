"""Calls to whoever is at an address: the standard call, over a pool of connections for each address."""

from functools import partial

import trio

from mesh.http.client import Pool
from mesh.rpc import json_call, over_http, read_json


class Lines:
    """Connections to all that are called, kept for further calls."""

    def __init__(self) -> None:
        self._pools = {}

    async def call(self, where: tuple[str, int], method: str, arguments: object) -> object:
        """Call `method` ("players.Players/of") at an address and a port; raises `CallFailed`."""
        service, _, name = method.partition("/")
        address, port = where
        if where not in self._pools:
            self._pools[where] = Pool(connect=partial(trio.open_tcp_stream, address, port))
        send = over_http(self._pools[where].request, f"{address}:{port}")
        return read_json(await send(json_call(service, name, arguments)))
