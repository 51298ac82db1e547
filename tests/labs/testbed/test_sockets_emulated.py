"""One scene on both testbeds: our own TCP/IP in virtual time, and the kernel's in real time."""

from collections.abc import Callable
from typing import Any

import pytest
from mininet.topo import Topo

from labs.story.trace import Trace
from labs.testbed import emulated, enclave, sim
from labs.testbed.scene import Limits, Port, Program, Scene
from labs.testbed.sim import Played
from netstack.packets import RST, SYN, Ethernet, IPv4, Tcp
from netstack.tcp import Settings
from netstack.wire import SECOND

from .conftest import Theatre


class Routed(Topo):
    """a and b, each on a network of its own, and a router between them."""

    def build(self, *_: object, **__: object) -> None:
        a = self.addHost("a", ip="10.0.1.1/24", defaultRoute="via 10.0.1.254")
        router = self.addHost("r", ip="10.0.1.254/24", forwards=True)
        b = self.addHost("b", ip="10.0.2.1/24", defaultRoute="via 10.0.2.254")
        self.addLink(a, router, delay="2ms")
        self.addLink(router, b, params1={"ip": "10.0.2.254/24"}, delay="2ms")


ASKER = """
    async def main(host):
        await trio.sleep(0.3)  # until b listens
        async with await trio.open_tcp_stream("b", 8080) as stream:
            await stream.send_all(b"x" * 200_000)
            await stream.send_eof()
            heard = b"".join([chunk async for chunk in stream])
        assert heard == b"200000", heard
        with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as udp:
            await udp.sendto(b"ping", ("b", 53))
            assert await udp.recvfrom(100) == (b"ping", ("10.0.2.1", 53))
        try:
            await trio.open_tcp_stream("b", 81)
        except OSError as error:
            refused = error
        await host.app.send(b"all well: " + type(refused.__cause__ or refused).__name__.encode())
"""
ANSWERER = """
    async def main(host):
        async def count(stream):
            total = 0
            async for chunk in stream:
                total += len(chunk)
            await stream.send_all(b"%d" % total)

        async def echo():
            with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as udp:
                await udp.bind(("", 53))
                while True:
                    data, source = await udp.recvfrom(100)
                    await udp.sendto(data, source)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(echo)
            await trio.serve_tcp(count, 8080)
"""


def packets_of(trace: Trace, direction: str) -> list[IPv4]:
    """The IP packets that were sent in a direction."""
    frames = (Ethernet.parse(frame.data) for frame in trace.frames(direction))
    return [IPv4.parse(frame.payload) for frame in frames if frame.type == 0x0800]


def segments_of(trace: Trace, direction: str) -> list[Tcp]:
    """The TCP segments that were sent in a direction."""
    packets = (packet for packet in packets_of(trace, direction) if packet.protocol == 6)
    return [Tcp.parse(packet.payload, packet.source, packet.destination) for packet in packets]


@pytest.fixture(params=["sim", "mininet"])
def play(request: pytest.FixtureRequest, stage: Theatre, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Played]:
    """Play programs in a routed network, on either testbed."""
    if request.param == "mininet" and (reason := enclave.available()):
        pytest.skip(reason)
    monkeypatch.setattr(emulated, "QUIET", 2 * SECOND)
    testbed = sim if request.param == "sim" else emulated

    def play(topology: Callable[[], Topo], programs: dict[str, str | Program], **how: Any) -> Played:
        cast = tuple(stage.program(part, host) if isinstance(part, str) else part for host, part in programs.items())
        limits = Limits(time=20 * SECOND)
        scene = Scene(**{"name": "both", "topology": topology, "programs": cast, "limits": limits, **how})
        return testbed.play(scene, stage.cast, seed=1)

    return play


def test_tcp_udp_names_and_a_router(play: Callable[..., Played]) -> None:
    trace = play(Routed, {"a": ASKER, "b": ANSWERER}, ports=(Port(host="a", enough=1),)).trace
    assert trace.delivered("a") in ([b"all well: ConnectionRefusedError"], [b"all well: ExceptionGroup"]), trace.exits()
    assert {packet.protocol for packet in packets_of(trace, "b-r")} == {6, 17}


def test_a_killed_program_leaves_its_end_to_the_host(play: Callable[..., Played], stage: Theatre) -> None:
    client = """
        async def main(host):
            await trio.sleep(0.3)
            stream = await trio.open_tcp_stream("b", 8080)
            await host.app.send(b"rest: " + await stream.receive_some() + b"|" + await stream.receive_some())
    """
    server = """
        async def main(host):
            async def greet(stream):
                await stream.send_all(b"hello")
                await trio.sleep_forever()
            await trio.serve_tcp(greet, 8080)
    """
    killed = stage.program(server, "b", killed=SECOND)
    played = play(Routed, {"a": client, "b": killed}, ports=(Port(host="a", enough=1),))
    assert played.trace.delivered("a") == [b"rest: hello|"]
    assert next((exit_.host, exit_.how) for exit_ in played.trace.exits()) == ("b", "killed")


def test_a_small_buffer_is_a_small_window(play: Callable[..., Played]) -> None:
    settings = Settings(receive_buffer=8192, window_scale=False)
    trace = play(Routed, {"a": ASKER, "b": ANSWERER}, ports=(Port(host="a", enough=1),), tcp={"b": settings}).trace
    segments = segments_of(trace, "b-r")
    assert 0 < max(segment.window for segment in segments) <= 10_000  # Linux rounds to whole segments


class Raw(Topo):
    """a has a link and no address; b has both."""

    def build(self, *_: object, **__: object) -> None:
        self.addLink(self.addHost("a", ip=None), self.addHost("b", ip="10.0.0.2/24"), delay="2ms")


OWN = """
    from labs.testbed.program.own_host import own_host
    from netstack.tcp import Parts
    from netstack.tcp.parts import make_receiver

    made = []

    def receiver(first, settings):
        made.append(first)
        return make_receiver(first, settings)

    async def main(host):
        await trio.sleep(0.3)
        async with own_host(host, ip="10.0.0.1/24", parts=Parts(receiver=receiver)):
            async with await trio.open_tcp_stream("b", 8080) as stream:
                await stream.send_all(b"x" * 200_000)
                await stream.send_eof()
                heard = b"".join([chunk async for chunk in stream])
        assert made
        await host.app.send(heard)
"""


def test_a_tcp_of_a_programs_own_speaks_to_the_host_at_the_other_end(play: Callable[..., Played]) -> None:
    trace = play(Raw, {"a": OWN, "b": ANSWERER}, ports=(Port(host="a", enough=1),)).trace
    assert trace.delivered("a") == [b"200000"], trace.exits()
    flags = [segment.flags for segment in segments_of(trace, "a-b")]
    assert flags[0] == SYN
    assert not any(flag & RST for flag in flags), "nobody else answers for a"
