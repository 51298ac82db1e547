"""Programs with sockets on `sim`: unmodified trio over the TCP/IP of hosts that the judge owns."""

from collections.abc import Callable
from typing import Any

from mininet.topo import Topo

from labs.testbed.scene import Program, Scene
from labs.testbed.sim import Played, play
from netstack.wire import MILLISECOND, SECOND

from .conftest import QUICK, Theatre

ADDRESSES = {"a": "10.0.0.1/24", "b": "10.0.0.2/24"}


def pair(**link: Any) -> Callable[[], Topo]:
    """Hosts a and b with addresses, and a link of 5 ms between them."""

    class Pair(Topo):
        def build(self, *_: object, **__: object) -> None:
            hosts = [self.addHost(name, ip=ip) for name, ip in ADDRESSES.items()]
            self.addLink(*hosts, **{"delay": "5ms", **link})

    return Pair


def play_pair(stage: Theatre, *cast: str | Program, seed: int = 1, **how: Any) -> Played:
    """Play programs on a and b; further ones come with their hosts."""
    programs = tuple(
        stage.program(part, host) if isinstance(part, str) else part for host, part in zip("abb", cast, strict=False)
    )
    scene = Scene(**{"name": "sockets", "topology": pair(), "programs": programs, "limits": QUICK, **how})
    return play(scene, stage.cast, seed=seed)


ECHO = """
    async def main(host):
        async def echo(stream):
            async for chunk in stream:
                await stream.send_all(chunk.upper())
        await trio.serve_tcp(echo, 8080)
"""


def test_a_question_and_its_answer(stage: Theatre) -> None:
    played = play_pair(
        stage,
        """
        async def main(host):
            async with await trio.open_tcp_stream("b", 8080) as stream:
                await stream.send_all(b"who?")
                print(await stream.receive_some(), trio.current_time())
                await stream.send_eof()
                print(await stream.receive_some())
        """,
        ECHO,
    )
    # Two trips for ARP, two for the handshake, two for question and answer.
    assert played.output["a", "main"] == "b'WHO?' 0.03\nb''\n"
    assert played.trace.ended == "nothing more could happen"
    assert played.trace.ended_at < SECOND
    assert next(played.trace.frames("a-b")).arrivals == (5 * MILLISECOND,)
