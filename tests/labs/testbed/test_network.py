"""Mininet made fast is still Mininet; a network's links lead to the relay and are silent until a program speaks."""

import errno
import os
import select
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labs.testbed import enclave

if reason := enclave.available():
    pytest.skip(reason, allow_module_level=True)

from mininet.topo import SingleSwitchTopo, Topo

from labs.testbed.network import FastMininet, Network, netem_available, netem_options
from netstack.wire import Profile

TRIANGLE = """
from mininet.topo import Topo

class Triangle(Topo):
    def build(self):
        for host in "cab":
            self.addHost(host)
        self.addLink("a", "b", bw=10, delay="5ms", loss=1)
        self.addLink("c", "b", reorder=2, duplicate=3, corrupt=4, mtu=600)
        self.addLink("a", "c", jitter="1ms", max_queue_size=7)

topos = {"triangle": Triangle}
"""


class Triangle(Topo):  # type: ignore[misc]
    """As in the file above, but that host c has an address."""

    def build(self) -> None:
        self.addHost("c", ip="10.0.0.1/24")
        self.addHost("a")
        self.addHost("b")
        self.addLink("a", "b")
        self.addLink("c", "b", mtu=600)
        self.addLink("a", "c")


def _frame(sender: int, text: bytes) -> bytes:
    return b"\xff" * 6 + bytes([2, 0, 0, 0, sender, 0]) + b"\x88\xb5" + text


def _receive(from_socket: socket.socket, seconds: float = 5) -> bytes:
    assert select.select([from_socket], [], [], seconds)[0], "nothing arrived"
    return from_socket.recv(65536)


def test_hosts_talk_over_a_bridge_as_in_mininet() -> None:
    def talk() -> str:
        net = FastMininet(SingleSwitchTopo(k=3))
        net.start()
        deadline = time.monotonic() + 5
        while not net["s1"].connected():
            assert time.monotonic() < deadline, "the bridge's ports do not forward"
            time.sleep(0.005)
        server = "import socket; s = socket.create_server(('', 80)); print('ready'); s.accept()[0].send(b'hello')"
        listening = net["h3"].popen([sys.executable, "-uc", server], stderr=None)
        assert listening.stdout.readline() == b"ready\n"
        client = "import socket; print(socket.create_connection(('10.0.0.3', 80), 5).recv(9).decode())"
        said = net["h1"].cmd(shlex.join([sys.executable, "-c", client]))
        listening.wait(5)
        net.stop()
        return str(said).strip()

    assert enclave.call(talk) == "hello"


def test_hosts_run_programs_from_a_folder_with_a_space_and_other_letters(tmp_path: Path) -> None:
    folder = tmp_path / 'Übung 1, "it\'s 雪" $HOME'
    folder.mkdir()
    python = folder / "python of ours"
    python.symlink_to(sys.executable)
    (folder / "who am I.py").write_text("import socket; print([name for _, name in socket.if_nameindex()])")
    command = [str(python), str(folder / "who am I.py")]

    def talk() -> tuple[str, str]:
        os.chdir(folder)  # where a student stands: shells and programs of hosts begin there
        with Network(Triangle()) as network:
            a = network.net["a"]
            assert a.cmd("pwd").strip() == str(folder)
            return a.cmd(shlex.join(command)), a.popen(command).communicate(timeout=20)[0].decode()

    by_shell, by_popen = enclave.call(talk)
    assert by_shell.split() == by_popen.split() == ["['lo',", "'a-eth0',", "'a-eth1']"]


def test_a_shell_starts_only_when_it_is_asked_for() -> None:
    def count() -> tuple[int, int, str, int]:
        net = FastMininet(SingleSwitchTopo(k=5))
        net.start()
        before = len(list(Path("/proc").glob("[0-9]*")))
        said = net["h2"].cmd("cd /; ls /sys/class/net")
        after = len(list(Path("/proc").glob("[0-9]*")))
        net.stop()
        return before, after, said, len(list(Path("/proc").glob("[0-9]*")))

    before, after, said, at_the_end = enclave.call(count)
    assert (before, after, at_the_end) == (2, 4, 2)  # with PID 1; the holder and the shell
    assert said.split() == ["h2-eth0", "lo"]


def test_a_network_goes_up_and_down_again_and_again_with_the_same_names() -> None:
    def cycle() -> None:
        for _ in range(3):
            with Network(Triangle()) as network:
                network.host_pid("a")

    enclave.call(cycle)


def test_links_have_the_names_and_addresses_of_the_plan() -> None:
    def look() -> dict[str, str]:
        with Network(Triangle()) as network:
            return {host: network.net[host].cmd("ip -o link; ip -o addr") for host in "abc"}

    told = enclave.call(look)
    assert "a-eth0" in told["a"]
    assert "a-eth1" in told["a"]
    assert "02:00:00:00:02:01" in told["a"]
    assert "NOARP" in told["a"]
    assert "inet6" not in told["a"] + told["b"] + told["c"]
    assert "inet 10.0.0.1/24 " in told["c"]
    assert "mtu 600 " in told["c"]
    assert "mtu 4000 " in told["b"]


def test_frames_go_to_the_relay_and_no_further() -> None:
    def send() -> tuple[bytes, bytes, int]:
        with Network(Triangle()) as network:
            a = network.open_packet_socket("a", "a-eth0")
            b = network.open_packet_socket("b", "b-eth0")
            at_relay, at_other = network.open_relay_socket("a-eth0"), network.open_relay_socket("b-eth0")
            a.send(_frame(2, b"up"))
            up = _receive(at_relay)
            at_other.send(_frame(2, b"down"))
            down = _receive(b)
            heard = sum(1 for s in (a, b, at_other) if select.select([s], [], [], 0)[0])
            return up[14:], down[14:], heard

    assert enclave.call(send) == (b"up", b"down", 0)


def test_interfaces_say_nothing_of_their_own_accord() -> None:
    def listen() -> list[bytes]:
        with Network(Triangle()) as network:
            sockets = [network.open_relay_socket(name) for name in ("a-eth0", "a-eth1", "b-eth0", "b-eth1")]
            ready = select.select(sockets, [], [], 1.2)[0]  # a kernel with IPv6 solicits routers within a second
            return [s.recv(65536) for s in ready]

    assert enclave.call(listen) == []


def test_a_card_takes_more_than_its_wire_so_that_the_judge_sees_it() -> None:
    def send() -> tuple[int, int]:
        with Network(Triangle()) as network:
            b, at_relay = network.open_packet_socket("b", "b-eth1"), network.open_relay_socket("b-eth1")
            b.send(_frame(3, bytes(1000)))
            try:
                b.send(_frame(3, bytes(10_000)))
            except OSError as refusal:
                return len(_receive(at_relay)), refusal.errno or 0
            return 0, 0

    assert enclave.call(send) == (1014, errno.EMSGSIZE)


def test_hosts_with_an_address_are_found_by_name() -> None:
    def look_up() -> tuple[str, str]:
        with Network(Triangle()):
            try:
                nobody = socket.gethostbyname("b")
            except OSError:
                nobody = "not found"
            return socket.gethostbyname("c"), nobody

    assert enclave.call(look_up) == ("10.0.0.1", "not found")


def test_a_name_too_long_for_an_interface_is_refused_in_words() -> None:
    class Long(Topo):  # type: ignore[misc]
        def build(self) -> None:
            self.addLink(self.addHost("a-very-long-name"), self.addHost("b"))

    with pytest.raises(ValueError, match="at most 10 letters"):
        enclave.call(Network, Long())


def test_netem_is_refused_with_a_reason_or_there() -> None:
    reason = netem_available()
    assert reason is None or "netem" in reason


def _mn(file: Path, topology: str, typed: str) -> str:
    """What `mn` itself says, with its own nodes and links, started with our small `mnexec` on the path."""
    mn = Path(sys.executable).parent / "mn"
    if not mn.exists():
        pytest.skip("Mininet's own command, mn, is not installed beside this Python")
    missing = [tool for tool in ("ifconfig", "ip") if not shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin")]
    if missing:
        pytest.skip(f"Mininet needs {' and '.join(missing)}, which are not installed")

    def run() -> subprocess.CompletedProcess[str]:
        assert "/labs/testbed/bin" in (shutil.which("mnexec") or ""), os.environ["PATH"]
        options = ["--custom", str(file), "--topo", topology, "--switch", "lxbr", "--controller", "none"]
        command = [sys.executable, str(mn), *options]
        return subprocess.run(
            command, input=typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
        )

    done = enclave.call(run)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_plain_mininet_takes_a_topology_file_with_our_links_properties(tmp_path: Path) -> None:
    (tmp_path / "triangle.py").write_text(TRIANGLE)
    typed = "a ip -o link\npy net['b'].popen('hostname').communicate()[0].decode()\nnet\n"
    said = _mn(tmp_path / "triangle.py", "triangle", typed)
    assert "b b-eth0:a-eth0 b-eth1:c-eth0" in said
    assert "a-eth1" in said
    assert "downstack" in said


@pytest.mark.parametrize(("topology", "says"), [("pair", "a a-eth0:b-eth0"), ("cable", "hub hub-eth0:a-eth0")])
def test_plain_mininet_takes_lab_1s_topologies(topology: str, says: str) -> None:
    file = Path(__file__).parents[3] / "labs" / "lab01_wire" / "topology.py"
    assert says in _mn(file, topology, "net\n")


def test_a_profile_in_the_words_of_netem() -> None:
    profile = Profile.from_mininet({"bw": 10, "delay": "5ms", "jitter": "1ms", "loss": 2, "max_queue_size": 20})
    assert " ".join(netem_options(profile)) == "limit 20 delay 5000us 1000us loss 2% rate 10000000bit"
    assert netem_options(Profile()) == ["limit", "1000"]
