"""players: keeps the cards, and answers whoever calls."""

import json

from business import players_of
from calling import PORT

from mesh.http.server import serve
from mesh.rpc import http_handler, read_json


async def main(host):
    async def of(call):
        return json.dumps(players_of(read_json(call.body)["team"])).encode()

    await serve(http_handler(of), PORT)
