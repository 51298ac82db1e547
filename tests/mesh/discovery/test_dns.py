"""DNS: what a zone answers, what is believed for how long, and whom a resolver believes at all."""

import random
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from shutil import which

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from mininet.topo import Topo

from labs.testbed import jump
from labs.testbed.program.host import Host
from labs.testbed.scene import Limits, Program, Scene
from mesh.discovery import CannotDiscover
from mesh.discovery.dns import Answer, Cache, Dns, DnsError, Resolver, Zone, serve
from netstack.wire import SECOND, Fault


def example() -> Zone:
    zone = Zone(origin="example.", negative=15)
    zone.put("players", "A", "10.0.0.2", "10.0.0.3", ttl=30)
    zone.put("a1", "A", "10.0.0.2")
    zone.put("a2", "A", "10.0.0.3")
    zone.put("_players._tcp", "SRV", "0 10 8081 a1.example.", "0 10 8082 a2.example.", "5 10 8083 a1.example.", ttl=20)
    zone.put("many", "A", *[f"10.1.{number // 250}.{number % 250}" for number in range(200)])
    return zone


def ask(zone: Zone, name: str, kind: str = "A", **options: object) -> dns.message.Message:
    answer = zone.answer(dns.message.make_query(name, kind, **options).to_wire())  # type: ignore[arg-type]
    assert answer is not None
    return dns.message.from_wire(answer)


def texts(message: dns.message.Message) -> list[str]:
    return sorted(record.to_text() for records in message.answer for record in records)


# The zone


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "answers", "authority"),
    [
        ("players.example.", "A", "NOERROR", ["10.0.0.2", "10.0.0.3"], 0),
        ("PLAYERS.Example.", "A", "NOERROR", ["10.0.0.2", "10.0.0.3"], 0),
        ("players.example.", "SRV", "NOERROR", [], 1),  # no data: the name has others
        ("_tcp.example.", "A", "NOERROR", [], 1),  # no data: there are names below it
        ("nobody.example.", "A", "NXDOMAIN", [], 1),
        ("players.elsewhere.", "A", "REFUSED", [], 0),
    ],
)
def test_what_a_zone_answers(name: str, kind: str, rcode: str, answers: list[str], authority: int) -> None:
    message = ask(example(), name, kind)
    assert dns.rcode.to_text(message.rcode()) == rcode
    assert texts(message) == answers
    assert [records.rdtype for records in message.authority] == [dns.rdatatype.SOA] * authority
    assert bool(message.flags & dns.flags.AA) == (rcode != "REFUSED")


def test_a_service_comes_with_the_addresses_of_its_hosts() -> None:
    message = ask(example(), "_players._tcp.example.", "SRV")
    assert len(message.answer[0]) == 3
    assert sorted(record.to_text() for records in message.additional for record in records) == ["10.0.0.2", "10.0.0.3"]


def test_the_first_of_several_addresses_is_another_one_each_time() -> None:
    zone = example()
    assert {ask(zone, "players.example.").answer[0][0].to_text() for _ in range(2)} == {"10.0.0.2", "10.0.0.3"}


def test_what_does_not_fit_is_truncated_as_a_whole() -> None:
    message = ask(example(), "many.example.")
    assert message.flags & dns.flags.TC
    assert message.answer == []
    large = example().answer(dns.message.make_query("many.example.", "A").to_wire(), over_tcp=True)
    assert large is not None
    assert len(dns.message.from_wire(large).answer[0]) == 200


def test_each_edit_has_the_next_serial_number() -> None:
    zone = example()
    before = ask(zone, "example.", "SOA").answer[0][0].serial
    zone.put("players", "A")
    after = ask(zone, "example.", "SOA").answer[0][0].serial
    assert after == before + 1
    assert ask(zone, "players.example.").rcode() == dns.rcode.NXDOMAIN


@given(st.binary(max_size=64) | st.binary(max_size=40).map(lambda rest: b"\x12\x34\x00\x00\x00\x01" + rest))
def test_any_bytes_are_answered_or_passed_over(data: bytes) -> None:
    answer = example().answer(data)
    if answer is not None:
        assert dns.message.from_wire(answer).flags & dns.flags.QR
        assert answer[:2] == data[:2]


def test_an_answer_is_not_answered() -> None:
    response = dns.message.make_response(dns.message.make_query("players.example.", "A"))
    assert example().answer(response.to_wire()) is None


# The cache


def test_an_answer_is_believed_until_its_time_is_over() -> None:
    cache, question = Cache(most=2), (dns.name.from_text("players."), dns.rdatatype.A)
    cache.put(question, Answer((), 30.0), now=100.0)
    assert cache.get(question, now=110.0) == Answer((), 20.0)
    assert cache.get(question, now=130.0) is None
    for number in range(5):
        cache.put((dns.name.from_text(f"n{number}."), dns.rdatatype.A), Answer((), 30.0), now=100.0)
    assert len(cache._answers) == 2


# The resolver, on simulated hosts


class Two(Topo):
    """A name server s, and somebody who asks."""

    def build(self) -> None:
        self.addLink(self.addHost("s", ip="10.0.0.53/24"), self.addHost("a", ip="10.0.0.2/24"), delay="5ms")


def play(zone: Zone, main: object, *, script: Sequence[Fault] = (), seconds: int = 600, server: object = None) -> int:
    """Let `main(resolver)` ask a server of `zone`; returns how many messages the server got."""
    asked = 0
    answer = zone.answer

    class Counting:
        def answer(self, data: bytes, *, over_tcp: bool = False) -> bytes | None:
            nonlocal asked
            asked += 1
            return answer(data, over_tcp=over_tcp)

    async def serving(host: Host) -> None:
        await serve(Counting())  # type: ignore[arg-type]

    async def asking(host: Host) -> None:
        await main(Resolver(servers=[("10.0.0.53", 53)], randomness=random.Random(1)))  # type: ignore[operator]
        done.append(True)

    done: list[bool] = []
    scene = Scene(
        name="names",
        topology=Two,
        programs=(Program(host="s"), Program(host="a")),
        script=tuple(script),
        limits=Limits(time=seconds * SECOND),
    )
    jump.play(scene, {"s": server or serving, "a": asking}, seed=1)  # type: ignore[dict-item]
    assert done, "the asking was not done in time"
    return asked


def test_an_address_is_asked_for_again_when_its_time_is_over() -> None:
    async def main(resolver: Resolver) -> None:
        begin = trio.current_time()
        while trio.current_time() < begin + 95:
            answer = await resolver.resolve("players.example.")
            assert {record.to_text() for record in answer.records} == {"10.0.0.2", "10.0.0.3"}
            await trio.sleep(1)

    assert play(example(), main) == 4  # at 0, 30, 60 and 90 s


def test_a_no_is_remembered_for_as_long_as_the_zone_says() -> None:
    zone = example()

    async def main(resolver: Resolver) -> None:
        assert not (await resolver.resolve("new.example.")).exists
        zone.put("new", "A", "10.0.0.9")
        await trio.sleep(14.9)
        assert (await resolver.resolve("new.example.")).records == ()
        await trio.sleep(0.2)
        assert len((await resolver.resolve("new.example.")).records) == 1
        data = await resolver.resolve("new.example.", "SRV")
        assert (data.exists, data.records) == (True, ())

    assert play(zone, main) == 3


def test_what_was_truncated_is_asked_for_over_tcp() -> None:
    async def main(resolver: Resolver) -> None:
        assert len((await resolver.resolve("many.example.")).records) == 200

    assert play(example(), main) == 2


def test_only_the_right_answer_counts() -> None:
    zone = example()

    async def crowd(host: Host) -> None:
        """Answers each question five times, and only the last time as it should."""
        with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as right:
            await right.bind(("0.0.0.0", 53))
            with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as another:
                while True:
                    data, source = await right.recvfrom(2000)
                    lie = Zone(origin="example.")
                    lie.put("players", "A", "6.6.6.6")
                    forged = lie.answer(data) or b""
                    question = lie.answer(
                        dns.message.make_query("a.example.", "A", id=forged[0] << 8 | forged[1]).to_wire()
                    )
                    await another.sendto(forged, source)  # from elsewhere
                    await right.sendto(bytes((forged[0] ^ 1, *forged[1:])), source)  # another id
                    await right.sendto(question or b"", source)  # another question
                    await right.sendto(data, source)  # the question itself
                    await right.sendto(forged[:20], source)
                    await right.sendto(zone.answer(data) or b"", source)

    async def main(resolver: Resolver) -> None:
        answer = await resolver.resolve("players.example.")
        assert {record.to_text() for record in answer.records} == {"10.0.0.2", "10.0.0.3"}

    play(zone, main, server=crowd)


def test_a_server_that_is_away_or_refuses_is_told_apart_from_a_no() -> None:
    async def main(resolver: Resolver) -> None:
        with pytest.raises(DnsError, match="REFUSED"):
            await resolver.resolve("players.elsewhere.")
        await trio.sleep_until(40)
        with pytest.raises(DnsError, match="no answer from"):
            await resolver.resolve("players.example.")
        with pytest.raises(DnsError, match="cannot be asked for"):
            await resolver.resolve("players..example.")

    play(example(), main, script=[Fault("cut", "s-a", "", 30 * SECOND, 100 * SECOND)])


# Discovery


def test_a_move_is_seen_when_the_time_to_live_is_over_and_a_cut_leaves_the_last_answer() -> None:
    zone = example()

    async def main(resolver: Resolver) -> None:
        async with Dns(resolver, "example.").watch("players") as found:
            assert [(each.address, each.port) for each in found.instances] == [("10.0.0.2", 8080), ("10.0.0.3", 8080)]
            await trio.sleep(10)
            zone.put("players", "A", "10.0.0.7", ttl=30)
            moved = trio.current_time()
            await found.changed(found.instances)
            print(f"moved 10 s after the name was asked for; seen {trio.current_time() - moved:.0f} s later")
            assert trio.current_time() - moved == pytest.approx(20, abs=1)
            await trio.sleep_until(150)
            assert ([each.address for each in found.instances], bool(found.failure)) == (["10.0.0.7"], True)
            await trio.sleep_until(250)
            assert found.failure == ""

    play(zone, main, script=[Fault("cut", "s-a", "", 100 * SECOND, 200 * SECOND)])


def test_srv_records_say_the_port_and_only_the_best_priority_counts() -> None:
    async def main(resolver: Resolver) -> None:
        async with Dns(resolver, "example.", by="SRV").watch("players") as found:
            assert [(each.address, each.port) for each in found.instances] == [("10.0.0.2", 8081), ("10.0.0.3", 8082)]
        with pytest.raises(CannotDiscover, match="attributes"):
            Dns(resolver, "example.").watch("players", {"zone": "eu"})

    play(example(), main)


# Outsiders


@asynccontextmanager
async def on_the_kernel(zone: Zone) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve, zone, port, host="127.0.0.1"))
        yield port
        nursery.cancel_scope.cancel()


async def dig(port: int, *words: str) -> str:
    """What Debian's dig says."""
    if which("dig") is None:
        pytest.skip("no dig here: apt-get install bind9-dnsutils")
    command = ["dig", "@127.0.0.1", "-p", str(port), "+norecurse", "+time=2", "+tries=1", *words]
    with trio.fail_after(10):
        done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.STDOUT, check=False)
    return " ".join(done.stdout.decode().split())


async def test_dig_agrees(real_time: None) -> None:
    async with on_the_kernel(example()) as port:
        said = await dig(port, "players.example", "A")
        assert "status: NOERROR" in said
        assert "flags: qr aa;" in said
        assert "players.example. 30 IN A 10.0.0.2" in said
        assert "players.example. 30 IN A 10.0.0.3" in said
        said = await dig(port, "_players._tcp.example", "SRV")
        assert "_players._tcp.example. 20 IN SRV 0 10 8081 a1.example." in said
        assert "a2.example. 30 IN A 10.0.0.3" in said, "the addresses come along"
        for name, kind, status in (("nobody.example", "A", "NXDOMAIN"), ("players.example", "SRV", "NOERROR")):
            said = await dig(port, name, kind)
            assert f"status: {status}" in said
            assert "ANSWER: 0, AUTHORITY: 1" in said
            assert "example. 15 IN SOA ns.example. hostmaster.example." in said
        assert "status: REFUSED" in await dig(port, "players.elsewhere", "A")
        assert "status: BADVERS" in await dig(port, "+edns=7", "+noednsnegotiation", "players.example")
        assert "Warning" not in said
        assert ";; Got bad packet" not in said


async def test_dig_sees_the_truncation_and_goes_over_to_tcp(real_time: None) -> None:
    async with on_the_kernel(example()) as port:
        said = await dig(port, "+ignore", "many.example", "A")
        assert "flags: qr aa tc;" in said
        assert "ANSWER: 0" in said
        said = await dig(port, "many.example", "A")
        assert "Truncated, retrying in TCP mode" in said
        assert "ANSWER: 200" in said


async def test_the_resolver_on_the_kernels_sockets(real_time: None) -> None:
    async with on_the_kernel(example()) as port:
        resolver = Resolver(servers=[("127.0.0.1", port)])
        assert len((await resolver.resolve("many.example.")).records) == 200
    with pytest.raises(DnsError, match="refused"):
        await resolver.resolve("players.example.")
