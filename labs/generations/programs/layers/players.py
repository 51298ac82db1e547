"""players: keeps the cards, and answers the standard call."""

import json

from business import players_of

from mesh.http.server import serve
from mesh.rpc import http_handler, read_json


async def main(host):
    await serve(http_handler(answer_call), host.arguments["port"])


async def answer_call(call):
    team = read_json(call.body)["team"]
    return json.dumps(players_of(team), ensure_ascii=False).encode()
