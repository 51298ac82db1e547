"""A resolver: it asks servers that it was told of, and remembers what they say.

Anybody can send a datagram in a server's name. So each question goes out under an id drawn by chance, from a port of
its own, and an answer counts only if it comes from the server that was asked, has that id, and repeats the question
(RFC 5452); whatever else arrives is passed over. An answer that does not fit into a datagram says so, and is asked for
once more over TCP.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import trio

from mesh.discovery.dns.cache import Answer, Cache, DnsError, Question, read_answer
from mesh.discovery.dns.server import receive_message, send_message
from mesh.discovery.dns.zone import LARGEST, OURS

PORT = 53


@dataclass(slots=True, kw_only=True)
class Resolver:
    """Asks `servers`, (address, port) pairs, one after the other, `tries` times round, each for `seconds`."""

    servers: Sequence[tuple[str, int]]
    seconds: float = 2.0
    tries: int = 2
    randomness: random.Random = field(default_factory=random.SystemRandom)
    cache: Cache = field(default_factory=Cache)

    async def resolve(self, name: str, kind: str = "A") -> Answer:
        """The records of `kind` at `name`, from the cache or a server; raises `DnsError`."""
        try:
            question = dns.name.from_text(name), dns.rdatatype.from_text(kind)
        except dns.exception.DNSException as error:
            raise DnsError(f"{name!r} cannot be asked for: {error}") from None
        answer = self.cache.get(question, now=trio.current_time())
        if answer is None:
            answer = await self._ask(question)
            self.cache.put(question, answer, now=trio.current_time())
        return answer

    async def _ask(self, question: Question) -> Answer:
        why = "no server is known"
        for server in [*self.servers] * self.tries:
            try:
                with trio.fail_after(self.seconds):
                    return read_answer(question, await self._exchange(question, server))
            except trio.TooSlowError:
                why = f"no answer from {server[0]} port {server[1]}"
            except (OSError, trio.BrokenResourceError) as error:
                why = f"{server[0]} port {server[1]}: {error}"
            except DnsError as error:
                why = str(error)
        raise DnsError(f"{question[0]}: {why}")

    async def _exchange(self, question: Question, server: tuple[str, int]) -> dns.message.Message:
        query = dns.message.make_query(*question, use_edns=0, payload=OURS, id=self.randomness.randrange(1 << 16))
        query.flags &= ~dns.flags.RD  # whom we ask knows, or nobody does
        response = await _over_udp(query, server)
        return await _over_tcp(query, server) if response.flags & dns.flags.TC else response


async def _over_udp(query: dns.message.Message, server: tuple[str, int]) -> dns.message.Message:
    family = trio.socket.AF_INET6 if ":" in server[0] else trio.socket.AF_INET
    with trio.socket.socket(family, trio.socket.SOCK_DGRAM) as socket:
        await socket.connect(server)  # so that the host tells us when nobody is there
        await socket.send(query.to_wire())
        while True:
            data, source = await socket.recvfrom(LARGEST)
            if source[:2] == server and (response := _read(query, data)):
                return response


async def _over_tcp(query: dns.message.Message, server: tuple[str, int]) -> dns.message.Message:
    async with await trio.open_tcp_stream(*server) as stream:
        await send_message(stream, bytes(query.to_wire()))
        response = _read(query, await receive_message(stream))
    if response is None:
        raise DnsError(f"{server[0]} answers something else than was asked")
    return response


def _read(query: dns.message.Message, data: bytes) -> dns.message.Message | None:
    """The message in `data`, if it is the answer to `query`."""
    try:
        response = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError):
        return None
    return response if query.is_response(response) else None
