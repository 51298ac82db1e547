"""Scenes and plans: how a topology's names come about, and which mistakes of an author are told at once."""

from typing import Any

import pytest
from mininet.topo import Topo

from labs.story.trace import Line, Recorder, Trace
from labs.testbed.scene import Plan, Port, Program, Scene
from labs.testbed.wiring import Wiring
from netstack.wire import MILLISECOND, Fault, ScriptError


class Triangle(Topo):
    """Three hosts, each linked to each, and a and b by a second link, which is drawn from b to a."""

    def build(self, *_: Any, **__: Any) -> None:
        for name in ("zoe", "a", "b"):
            self.addHost(name)
        self.addLink("a", "b", delay="5ms", loss=1)
        self.addLink("b", "zoe", bw=10)
        self.addLink("zoe", "a", mtu=576)
        self.addLink("b", "a")


@pytest.fixture
def plan() -> Plan:
    return Plan.of(Triangle())


def test_hosts_keep_the_order_in_which_they_were_added(plan: Plan) -> None:
    assert plan.hosts == ("zoe", "a", "b")


def test_links_are_named_after_their_ends_and_parallel_ones_are_counted(plan: Plan) -> None:
    assert sorted(link.name for link in plan.links) == ["a-b", "b-a.2", "b-zoe", "zoe-a"]


def test_a_direction_is_named_after_its_sender(plan: Plan) -> None:
    named = {(link.name, end.host): link.direction(end.host) for link in plan.links for end in link.ends}
    assert named["a-b", "a"] == "a-b"
    assert named["a-b", "b"] == "b-a"
    assert named["b-a.2", "a"] == "a-b.2"
    assert named["b-a.2", "b"] == "b-a.2"


def test_interfaces_are_numbered_in_the_order_of_links(plan: Plan) -> None:
    assert [(end.name, end.address) for end in plan.interfaces("a")] == [
        ("a-eth0", "02:00:00:00:02:00"),
        ("a-eth1", "02:00:00:00:02:01"),
        ("a-eth2", "02:00:00:00:02:02"),
    ]
    assert [end.name for end in plan.interfaces("zoe")] == ["zoe-eth0", "zoe-eth1"]


def test_properties_of_links_are_mininets_own(plan: Plan) -> None:
    profiles = {link.name: link.profile for link in plan.links}
    assert profiles["a-b"].delay == 5 * MILLISECOND
    assert profiles["b-zoe"].rate == 10_000_000
    assert plan.interfaces("zoe")[1].longest == 576 + 14


def test_a_trace_shows_links_in_words(plan: Plan) -> None:
    assert Line("a-b", ("a", "b"), "delay 5ms, loss 1 %") in plan.lines()


class Switched(Topo):
    def build(self, *_: Any, **__: Any) -> None:
        self.addLink(self.addHost("a"), self.addSwitch("s1"))


class Crowded(Topo):
    def build(self, *_: Any, **__: Any) -> None:
        for number in range(256):
            self.addHost(f"h{number}")


class Gapped(Topo):
    def build(self, *_: Any, **__: Any) -> None:
        self.addLink(self.addHost("a"), self.addHost("b"), port1=3)


@pytest.mark.parametrize(
    ("topology", "reason"),
    [(Switched, "no switches"), (Crowded, "up to 255 hosts"), (Gapped, "leave `port1` and `port2`")],
)
def test_a_topology_that_no_plan_fits_is_refused(topology: type[Topo], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Plan.of(topology())


def scene(**how: Any) -> Scene:
    return Scene(**{"name": "talk", "topology": Triangle, "programs": (Program(host="a", file="x.py"),), **how})


def test_two_programs_on_a_host_need_two_names() -> None:
    with pytest.raises(ValueError, match="2 programs on a are called 'main'"):
        scene(programs=(Program(host="a", file="x.py"), Program(host="a", file="y.py")))


@pytest.mark.parametrize("port", [Port(host="b"), Port(host="a", program="other")])
def test_a_port_needs_its_program(port: Port) -> None:
    with pytest.raises(ValueError, match="is for a program"):
        scene(ports=(port,))


def test_faults_are_added_in_words() -> None:
    assert scene(script=(Fault.parse("drop a-b:x:1"),)).scripted("cut a-b:1s-2s").script == (
        Fault.parse("drop a-b:x:1"),
        Fault.parse("cut a-b:1s-2s"),
    )


@pytest.mark.parametrize("fault", ["drop a-c:x:1", "drop b-zo:x:1", "cut b-a:1s-2s", "drop a-b.3:x:1"])
def test_a_fault_on_no_link_is_refused_for_nobody_would_miss_it(plan: Plan, fault: str) -> None:
    recorder = Recorder(Trace(scene="s", seed=1, testbed="sim"))
    with pytest.raises(ScriptError, match=r"there is no .*; there are a-b"):
        Wiring(plan=plan, recorder=recorder, classify=lambda frame: "x", script=(Fault.parse(fault),))


def test_frames_go_where_the_links_lead(plan: Plan) -> None:
    trace = Trace(scene="s", seed=1, testbed="sim")
    script = (Fault.parse("duplicate b-a.2:x:1"),)
    wiring = Wiring(plan=plan, recorder=Recorder(trace), classify=lambda frame: "x", script=script, chance=False)
    arrivals = [*wiring.transmit("a", 0, b"first", now=1), *wiring.transmit("b", 2, b"second", now=2)]
    assert [(arrival.at, arrival.interface.name, arrival.frame) for arrival in arrivals] == [
        (1 + 5 * MILLISECOND, "b-eth0", b"first"),
        (2, "a-eth2", b"second"),
        (2, "a-eth2", b"second"),
    ]
    assert [(frame.direction, frame.faults) for frame in trace.frames()] == [
        ("a-b", ()),
        ("b-a.2", ("duplicate b-a.2:x:1",)),
    ]
    assert wiring.unmet() == ()
