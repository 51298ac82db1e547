"""Programs with sockets on `sim`: unmodified trio over the TCP/IP of hosts that the judge owns."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mininet.topo import Topo

from labs.story.packets import Kinds
from labs.story.trace import Trace
from labs.testbed.scene import Limits, Program, Scene
from labs.testbed.sim import Played, play
from netstack.packets import RST, Ethernet, IPv4, Tcp
from netstack.tcp import Settings
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


def play_pair(stage: Theatre, *cast: str | Program, seed: int = 1, faults: tuple[str, ...] = (), **how: Any) -> Played:
    """Play programs on a and b; further ones come with their hosts. What one raises fails the test."""
    programs = tuple(
        stage.program(part, host) if isinstance(part, str) else part for host, part in zip("abb", cast, strict=False)
    )
    settings = {"name": "sockets", "topology": pair(), "limits": QUICK, "classify": Kinds}
    scene = Scene(**{**settings, "programs": programs, **how}).scripted(*faults)
    played = play(scene, stage.cast, seed=seed)
    assert not [exit_ for exit_ in played.trace.exits() if exit_.how == "raised"]
    return played


def segments(trace: Trace, direction: str) -> list[Tcp]:
    """The TCP segments that were sent in a direction."""
    frames = (Ethernet.parse(frame.data) for frame in trace.frames(direction))
    packets = (IPv4.parse(frame.payload) for frame in frames if frame.type == 0x0800)
    return [Tcp.parse(packet.payload, packet.source, packet.destination) for packet in packets if packet.protocol == 6]


ECHO = """
    async def main(host):
        async def echo(stream):
            async for chunk in stream:
                await stream.send_all(chunk.upper())
        await trio.serve_tcp(echo, 8080)
"""
ASK = """
    async def main(host):
        async with await trio.open_tcp_stream("b", 8080) as stream:
            await stream.send_all(b"who?")
            print(await stream.receive_some(), trio.current_time())
            await stream.send_eof()
            print(await stream.receive_some())
"""
IDLE = "async def main(host): await trio.sleep_forever()"


def test_a_question_and_its_answer(stage: Theatre) -> None:
    played = play_pair(stage, ASK, ECHO)
    # Two trips for ARP, two for the handshake, two for question and answer.
    assert played.output["a", "main"] == "b'WHO?' 0.03\nb''\n"
    assert played.trace.ended == "nothing more could happen"
    assert played.trace.ended_at < SECOND
    assert next(played.trace.frames("a-b")).arrivals == (5 * MILLISECOND,)


def test_the_same_seed_gives_the_same_trace_and_another_one_other_numbers(stage: Theatre) -> None:
    one, again, other = (play_pair(stage, ASK, ECHO, seed=seed).trace for seed in (1, 1, 2))
    assert list(one.to_lines()) == list(again.to_lines())
    assert segments(one, "a-b")[0].sequence != segments(other, "a-b")[0].sequence


def test_programs_of_one_host_share_its_ports_and_its_loopback(stage: Theatre) -> None:
    neighbour = stage.program(
        """
        async def main(host):
            await trio.sleep(0.1)
            for name in ("127.0.0.1", "localhost", "b"):
                async with await trio.open_tcp_stream(name, 8080) as stream:
                    await stream.send_all(b"hi")
                    print(await stream.receive_some())
            try:
                await trio.open_tcp_listeners(8080)
            except OSError as error:
                print(error.errno)
        """,
        "b",
        name="neighbour",
    )
    played = play_pair(stage, IDLE, ECHO, neighbour)
    assert played.output["b", "neighbour"] == "b'HI'\n" * 3 + "98\n"
    assert not list(played.trace.frames()), "nothing of that is seen on a wire"


def test_two_who_begin_at_once_do_not_both_get_a_port(stage: Theatre) -> None:
    listen = """
        async def main(host):
            try:
                print(len(await trio.open_tcp_listeners(8080)))
            except OSError as error:
                print(error.errno)
    """
    played = play_pair(stage, IDLE, listen, stage.program(listen, "b", name="second"))
    assert {played.output["b", "main"], played.output["b", "second"]} == {"1\n", "98\n"}


def test_whoever_is_not_there_is_told_apart(stage: Theatre) -> None:
    client = """
        async def main(host):
            for address, port in (("b", 81), ("10.0.0.77", 80), ("10.9.9.9", 80)):
                sock = trio.socket.socket()
                try:
                    await sock.connect((address, port))
                except OSError as error:
                    print(type(error).__name__, error.errno, round(trio.current_time(), 3))
            try:
                await trio.open_tcp_stream("nobody", 80)
            except OSError as error:
                print(type(error).__name__)
    """
    refused, no_host, no_route, no_name = play_pair(stage, client, IDLE).output["a", "main"].splitlines()
    assert refused == "ConnectionRefusedError 111 0.02"
    assert no_host == "OSError 113 3.02"  # ARP asks three times, a second apart
    assert no_route == "OSError 101 3.02"
    assert no_name == "gaierror"


def test_connecting_to_someone_who_keeps_silent_takes_two_minutes_to_fail(stage: Theatre) -> None:
    client = """
        async def main(host):
            sock = trio.socket.socket()
            try:
                await sock.connect(("10.0.0.2", 8080))
            except TimeoutError:
                print(round(trio.current_time()))
    """
    played = play_pair(stage, client, ECHO, faults=("drop a-b:syn:1-7",), limits=Limits(time=900 * SECOND))
    assert not played.unmet
    assert played.output["a", "main"] == "127\n"  # 1 + 2 + 4 + 8 + 16 + 32 + 64, as Linux


def test_a_link_that_is_cut_is_noticed_by_its_neighbours(stage: Theatre) -> None:
    client = """
        async def main(host):
            stream = await trio.open_tcp_stream("b", 8080)
            await trio.sleep(1)
            with trio.move_on_after(30):
                await stream.send_all(b"who?")
                await stream.receive_some()
            print("nothing heard")
            try:
                await trio.socket.socket().connect(("10.0.0.2", 8080))
            except OSError as error:
                print(error.errno)
    """
    played = play_pair(stage, client, ECHO, faults=("cut a-b:500ms-900s",), limits=Limits(time=900 * SECOND))
    assert played.output["a", "main"] == "nothing heard\n113\n"


def test_a_connection_ends_in_two_halves(stage: Theatre) -> None:
    client = """
        async def main(host):
            stream = await trio.open_tcp_stream("b", 8080)
            await stream.send_all(b"x" * 100_000)
            await stream.send_eof()
            print(len(b"".join([chunk async for chunk in stream])))
    """
    server = """
        async def main(host):
            async def serve(stream):
                heard = b"".join([chunk async for chunk in stream])
                await stream.send_all(heard * 2)
            await trio.serve_tcp(serve, 8080)
    """
    assert play_pair(stage, client, server).output["a", "main"] == "200000\n"


def test_a_reset_reaches_whoever_waits(stage: Theatre) -> None:
    client = """
        async def main(host):
            stream = await trio.open_tcp_stream("b", 8080)
            try:
                await stream.receive_some()
            except trio.BrokenResourceError as error:
                print(type(error.__cause__).__name__)
    """
    server = """
        import struct

        async def main(host):
            async def serve(stream):
                stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, struct.pack("ii", 1, 0))
                await stream.aclose()
            await trio.serve_tcp(serve, 8080)
    """
    played = play_pair(stage, client, server)
    assert played.output["a", "main"] == "ConnectionResetError\n"
    assert any(segment.flags & RST for segment in segments(played.trace, "b-a"))


def test_a_reader_that_is_slow_holds_the_writer_back(stage: Theatre) -> None:
    client = """
        async def main(host):
            stream = await trio.open_tcp_stream("b", 8080)
            await stream.send_all(b"x" * 100_000)
            print(round(trio.current_time(), 1))
    """
    server = """
        async def main(host):
            async def serve(stream):
                await trio.sleep(5)
                async for chunk in stream:
                    pass
            await trio.serve_tcp(serve, 8080)
    """
    small = Settings(receive_buffer=8192, send_buffer=8192)
    played = play_pair(stage, client, server, tcp={"a": small, "b": small})
    assert float(played.output["a", "main"]) >= 5.0
    kinds = [frame.kind for frame in played.trace.frames("b-a")]
    assert kinds.index("zero") < kinds.index("window")


@pytest.mark.parametrize("buffer", [4096, 256 * 1024])
def test_a_slow_link_costs_few_bytes_on_the_channel(stage: Theatre, buffer: int) -> None:
    """A writer is woken when there is room that is worth it, and offers no more than is taken, or nearly so."""
    client = """
        async def main(host):
            stream = await trio.open_tcp_stream("b", 8080)
            await stream.send_all(b"x" * 1_000_000)
    """
    server = """
        async def main(host):
            async def serve(stream):
                print(sum([len(chunk) async for chunk in stream]))
            await trio.serve_tcp(serve, 8080)
    """
    limits = Limits(time=100 * SECOND, message_bytes=2_500_000)
    settings = {"a": Settings(send_buffer=buffer)}
    played = play_pair(stage, client, server, topology=pair(bw=5), tcp=settings, limits=limits)
    assert played.output["b", "main"] == "1000000\n", played.trace.ended


def test_receiving_that_is_cancelled_loses_no_bytes(stage: Theatre) -> None:
    """Cancelled in the turn in which it was asked for, with bytes there to be had; and at the moment they come."""
    client = """
        async def main(host):
            stream = await trio.open_tcp_stream("b", 8080)
            await stream.send_all(b"at once " * 100)
            await trio.sleep(1)
            for _ in range(100):
                await stream.send_all(b"by and by ")
                await trio.sleep(0.005)
            await stream.send_eof()
    """
    server = """
        async def main(host):
            heard, given_up = [b"?"], 0

            async def receive(scope):
                with scope:
                    heard.append(await stream.receive_some(1 + len(heard) % 17))

            async def receive_and_think_better_of_it(moments):
                scope = trio.CancelScope(deadline=trio.current_time() + 0.005)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(receive, scope)
                    for _ in range(moments):
                        await trio.lowlevel.checkpoint()
                    if moments:
                        scope.cancel()
                return scope.cancelled_caught

            listener, = await trio.open_tcp_listeners(8080)
            stream = await listener.accept()
            await trio.sleep(0.5)
            while heard[-1]:
                given_up += await receive_and_think_better_of_it(len(heard) % 4 and host.random.randrange(4))
            print(given_up > 50, b"".join(heard) == b"?" + b"at once " * 100 + b"by and by " * 100)
    """
    assert play_pair(stage, client, server).output["b", "main"] == "True True\n"


def test_accepting_that_is_cancelled_leaves_the_connection_to_the_next(stage: Theatre) -> None:
    client = """
        async def main(host):
            stream = await trio.open_tcp_stream("b", 8080)
            print(await stream.receive_some())
    """
    server = """
        async def main(host):
            async def accept(scope):
                nonlocal stream
                with scope:
                    stream = await listener.accept()

            listener, = await trio.open_tcp_listeners(8080)
            stream, tries = None, 0
            await trio.sleep(1)  # somebody waits to be accepted
            while stream is None:
                scope, tries = trio.CancelScope(), tries + 1
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(accept, scope)
                    if tries < 20:
                        await trio.lowlevel.checkpoint()
                        await trio.lowlevel.checkpoint()
                        scope.cancel()
            await stream.send_all(b"welcome")
            print(tries)
    """
    played = play_pair(stage, client, server)
    assert played.output == {("a", "main"): "b'welcome'\n", ("b", "main"): "20\n"}


def test_closing_a_socket_wakes_whoever_uses_it(stage: Theatre) -> None:
    client = """
        async def main(host):
            stream = await trio.open_tcp_stream("b", 8080)
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def receive():
                    try:
                        await stream.receive_some()
                    except trio.ClosedResourceError:
                        print("closed")

                await trio.sleep(1)
                await stream.aclose()
    """
    assert play_pair(stage, client, ECHO).output["a", "main"] == "closed\n"


def test_datagrams_and_names(stage: Theatre) -> None:
    client = """
        async def main(host):
            with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as udp:
                await udp.connect(("b", 53))
                await udp.send(b"first")
                print(await udp.recv(100), udp.getpeername())
                await udp.sendto(b"second", ("10.0.0.2", 54))
                try:
                    await udp.connect(("b", 54))
                    await udp.send(b"third")
                    await udp.recv(100)
                except ConnectionRefusedError:
                    print("refused")
            print(await trio.socket.getnameinfo(("10.0.0.2", 53), 0))
            print(host.names)
    """
    server = """
        async def main(host):
            with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as udp:
                await udp.bind(("10.0.0.2", 53))
                while True:
                    data, source = await udp.recvfrom(100)
                    await udp.sendto(data.upper(), source)
    """
    assert play_pair(stage, client, server).output["a", "main"].splitlines() == [
        "b'FIRST' ('10.0.0.2', 53)",
        "refused",
        "('b', '53')",
        "{'a': ['10.0.0.1'], 'b': ['10.0.0.2']}",
    ]


def test_what_simulated_hosts_do_not_have_is_refused_by_name(stage: Theatre) -> None:
    client = """
        async def main(host):
            for family in (trio.socket.AF_INET6, trio.socket.AF_UNIX):
                try:
                    trio.socket.socket(family)
                except OSError as error:
                    print(error.errno)
            try:
                await trio.open_unix_socket("/tmp/x")
            except OSError as error:
                print(error.errno)
            one, other = trio.socket.socketpair()
            await one.send(b"within")
            print(await other.recv(100))
    """
    assert play_pair(stage, client, IDLE).output["a", "main"] == "97\n97\n97\nb'within'\n"


def test_a_backlog_that_is_full_makes_others_wait(stage: Theatre) -> None:
    client = """
        async def main(host):
            async def ask(number):
                stream = await trio.open_tcp_stream("b", 8080, happy_eyeballs_delay=float("inf"))
                await stream.receive_some()
                times.append(round(trio.current_time(), 1))

            times = []
            await trio.sleep(0.1)
            async with trio.open_nursery() as nursery:
                for number in range(4):
                    nursery.start_soon(ask, number)
            print(times)
    """
    server = """
        async def main(host):
            listener, = await trio.open_tcp_listeners(8080, backlog=2)
            await trio.sleep(0.5)
            while True:
                stream = await listener.accept()
                await stream.send_all(b"your turn")
    """
    assert play_pair(stage, client, server).output["a", "main"] == "[0.5, 0.5, 1.1, 1.1]\n"


KILLED_SERVER = """
    async def main(host):
        async def serve(stream):
            await stream.send_all(b"hello")
            await trio.sleep_forever()
        await trio.serve_tcp(serve, 8080)
"""


@pytest.mark.parametrize(("says", "ending"), [(b"", "b''"), (b"unread", "ConnectionResetError")])
def test_a_killed_programs_sockets_are_closed_as_a_kernel_does(stage: Theatre, says: bytes, ending: str) -> None:
    """In order, or with a reset where something was received that it has not read; and its port is free again."""
    client = f"""
        async def main(host):
            stream = await trio.open_tcp_stream("b", 8080)
            print(await stream.receive_some())
            await stream.send_all({says!r})
            try:
                print(await stream.receive_some(), trio.current_time())
            except trio.BrokenResourceError as error:
                print(type(error.__cause__).__name__, trio.current_time())
            try:
                await trio.open_tcp_stream("b", 8080)
            except OSError:
                print("nobody listens")
    """
    server = stage.program(KILLED_SERVER, "b", killed=SECOND)
    played = play_pair(stage, client, server)
    assert played.output["a", "main"] == f"b'hello'\n{ending} 1.005\nnobody listens\n"
    assert [(exit_.host, exit_.how, exit_.at) for exit_ in played.trace.exits()] == [
        ("b", "killed", SECOND),
        ("a", "returned", SECOND + 15 * MILLISECOND),
    ]


def test_a_program_that_returns_leaves_what_it_sent_to_its_host(stage: Theatre) -> None:
    client = """
        async def main(host):
            stream = await trio.open_tcp_stream("b", 8080)
            await stream.send_all(b"x" * 200_000)
    """
    server = """
        async def main(host):
            async def serve(stream):
                print(sum([len(chunk) async for chunk in stream]))
            await trio.serve_tcp(serve, 8080)
    """
    played = play_pair(stage, client, server, topology=pair(bw=1))
    assert played.output["b", "main"] == "200000\n"
    end = next(exit_ for exit_ in played.trace.exits() if exit_.host == "a")
    assert end.at < SECOND < played.trace.ended_at


def test_a_thousand_connections_of_one_program(stage: Theatre) -> None:
    client = """
        async def main(host):
            async def ask(number):
                async with await trio.open_tcp_stream("b", 8080) as stream:
                    await stream.send_all(b"number %d" % number)
                    assert await stream.receive_some() == b"NUMBER %d" % number
                    own.add(stream.socket.getsockname())

            own = set()
            async with trio.open_nursery() as nursery:
                for number in range(1000):
                    nursery.start_soon(ask, number)
            print(len(own))
    """
    assert play_pair(stage, client, ECHO).output["a", "main"] == "1000\n"


def test_programs_see_frames_on_a_host_with_an_address_only_if_they_are_raw(stage: Theatre) -> None:
    watcher = """
        async def main(host):
            print(len(host.links))
            for link in host.links:
                async for frame in link:
                    print(frame[12:14].hex(), end=" ")
    """
    cast = [stage.program(watcher, "b", name=name, raw=name == "raw") for name in ("raw", "plain")]
    played = play_pair(stage, ASK, ECHO, *cast, limits=QUICK)
    assert played.output["b", "raw"].startswith("1\n0806 0800 ")
    played = play_pair(stage, ASK, ECHO, cast[1])
    assert played.output["b", "plain"] == "0\n"


def test_tls(stage: Theatre, folder: Path) -> None:
    _write_certificate(folder / "b.pem")
    client = f"""
        import ssl

        async def main(host):
            context = ssl.create_default_context(cafile={str(folder / "b.pem")!r})
            stream = await trio.open_ssl_over_tcp_stream("b", 8080, ssl_context=context, https_compatible=True)
            await stream.send_all(b"secret")
            print(await stream.receive_some(), stream.version())
    """
    server = f"""
        import ssl

        async def main(host):
            async def serve(stream):
                await stream.send_all((await stream.receive_some()).upper())

            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain({str(folder / "b.pem")!r})
            await trio.serve_ssl_over_tcp(serve, 8080, context)
    """
    played = play_pair(stage, client, server)
    assert played.output["a", "main"] == "b'SECRET' TLSv1.3\n"
    assert not any(b"secret" in segment.payload.lower() for segment in segments(played.trace, "a-b"))


def _write_certificate(file: Path) -> None:
    x509 = pytest.importorskip("cryptography.x509", reason="needs the package cryptography")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "b")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("b")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + certificate.public_bytes(pem))


HOSTILE = """
    import random
    from netstack.requests import Operation, Request

    async def main(host):
        host.random.seed(7)
        tell, draw = host._carrier.tell, host.random
        small, large = lambda: draw.randrange(6), lambda: draw.choice([0, 1, 80, 2**32 - 1, 0x0A000002, 0x7F000001])
        for call in range(20_000):
            operation = draw.choice(list(Operation))
            port, data = draw.choice([0, 80, 65535]), draw.randbytes(draw.choice([0, 1, 3_000]))
            number = draw.choice([0, 1, 2, 5, 2**64 - 1, call - 1 if call else 0])
            tell(Request(call % 5_000, operation, small(), large(), port, number, data))
            if draw.random() < 0.01:
                await trio.sleep(draw.choice([0, 0.001, 1]))
"""


def test_requests_that_make_no_sense_do_no_harm(stage: Theatre) -> None:
    """Whatever a hostile program asks of its host, another on the same host is served, and traces stay the same."""
    hostile = stage.program(HOSTILE, "b", name="hostile")
    played, again = (
        play_pair(stage, ASK, ECHO, hostile, limits=Limits(time=600 * SECOND, real_seconds=60)) for _ in range(2)
    )
    assert played.output["a", "main"].startswith("b'WHO?'")
    assert [exit_.how for exit_ in played.trace.exits() if exit_.program == "hostile"] == ["returned"]
    assert list(played.trace.to_lines()) == list(again.trace.to_lines())


def test_who_has_no_address_has_no_sockets(stage: Theatre) -> None:
    hostile = """
        from netstack.requests import Operation, Request
        async def main(host):
            host._carrier.tell(Request(1, Operation.OPEN_TCP, 1))
    """
    trace = stage.play(hostile).trace
    assert trace.ended == "main on a had to be stopped: it asked for a socket, and its host has no IP address"
