"""How a script is played: what it is compared with, where it ends, and how that is told."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labs.cli.main import main
from labs.pkt.grounds import judge, on_netstack
from labs.pkt.language import read
from labs.pkt.runner import Telling
from labs.pkt.telling import divergence
from labs.testbed import enclave

ROOT = Path(__file__).parents[3]

OPEN = """\
+0  socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  bind(3, ..., ...) = 0
+0  listen(3, 1) = 0
+0  < S 0:0(0) win 65535 <mss 1000>
+0  > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 65535
+0  accept(3, ..., ...) = 4
"""


def played(rest: str, *, strict: bool = False) -> Telling:
    return on_netstack(read(OPEN + rest), strict=strict)


def test_a_divergence_is_told_side_by_side() -> None:
    script = read(OPEN + "+0  write(4, ..., 500) = 500\n+0  > P. 1:501(500) ack 2\n", "wrong")
    told = divergence(script, on_netstack(script))
    assert told + "\n" == (Path(__file__).parent / "divergence.txt").read_text(encoding="utf-8")


SENDS = "+0  write(4, ..., 500) = 500\n"


@pytest.mark.parametrize(
    ("rest", "complaint"),
    [
        (SENDS + "+0 > . 1:501(500) ack 1", ""),  # PSH counts only where it is written
        (SENDS + "+0 > F. 1:501(500) ack 1", "other flags"),
        (SENDS + "+0 > P. 2:502(500) ack 1", "the sequence number is 1, not 2"),
        (SENDS + "+0 > P. 1:502(501) ack 1", "500 bytes of data, not 501"),
        (SENDS + "+0 > P. 1:501(500) ack 1 win 1~2", "the window is 65535, not 1~2"),
        (SENDS + "+0 > P. 1:501(500) ack 1 <nop>", "the options are <>"),
        (SENDS + "+0 > [ect0] P. 1:501(500) ack 1", "ECN says noecn"),
        (SENDS + "+.1 > P. 1:501(500) ack 1", "it came at 0.100000, not at 0.200000 s"),
        (SENDS + "+.01~+.2 > P. 1:501(500) ack 1", "it came at 0.100000, not at from 0.110000 to 0.300000 s"),
        (SENDS + "0~9 > P. 1:501(500) ack 1\n* > P. 1:501(500) ack 1", ""),
        (SENDS + "+0 > P. 1:501(500) ack 1\n+.1 > P. 1:501(500) ack 1", "the packet has not come"),
        (SENDS, "a packet that the script does not expect"),
        ("+0 %{ assert cwnd == 11 }%", "it does not hold that cwnd == 11"),
        ("+0 write(4, ..., 500) = 499", "it is to return 499"),
        ("+0 write(9, ..., 500) = -1 EBADF", ""),
        ("+0 read(4, ..., 500) = 0", "read blocks"),
        ("+0 recv(4, ..., 500, MSG_DONTWAIT) = -1 EAGAIN", ""),
        ("+0 recv(4, ..., 500, MSG_DONTWAIT) = -1 EPIPE", "it is to fail with EPIPE"),
        (
            "+0...+.1 read(4, ..., 9) = 1\n+.2 < P. 1:2(1) ack 1 win 9\n+0 > . 1:1(0) ack 2",
            "it returned at 0.300000, not at 0.200000 s",
        ),
        (
            "+0...+.3 read(4, ..., 9) = 1\n+.2 < P. 1:2(1) ack 1 win 9\n+0 > . 1:1(0) ack 2",
            "it returned at 0.300000, not at 0.400000 s",
        ),
        ("+0...+.2 read(4, ..., 9) = 1\n+.2 < P. 1:2(1) ack 1 win 9\n+0 > . 1:1(0) ack 2", ""),
        ("+0 poll([{fd=4, events=POLLOUT, revents=0}], 1, 0) = 1", "poll found POLLOUT at 4"),
    ],
)
def test_what_is_compared(rest: str, complaint: str) -> None:
    assert played(rest).complaint == complaint


def test_segments_are_put_together_and_divided_unless_strict() -> None:
    together = "+0  write(4, ..., 2500) = 2500\n+0 > . 1:2501(2500) ack 1"
    assert played(together).complaint == ""
    assert played(together, strict=True).complaint == "1000 bytes of data, not 2500"
    divided = "+0  write(4, ..., 900) = 900\n+0 > . 1:401(400) ack 1\n+0 > P. 401:901(500) ack 1"
    assert played(divided).complaint == ""
    assert played(divided, strict=True).complaint == "900 bytes of data, not 400"


def test_data_that_was_read_must_be_what_was_sent() -> None:
    # Number 251 is where the pattern begins anew: the same bytes at another place are found out.
    rest = "+0 < P. 1:101(100) ack 1 win 9\n+0 > . 1:1(0) ack 101\n+0 read(4, ..., 60) = 60\n+0 read(4, ..., 60) = 40"
    assert played(rest).complaint == ""


def test_a_script_that_differs_must_fail_on_linux_and_for_its_reason() -> None:
    script = read("// differs-from-linux: it may\n// linux-says: late\n+0 close(3) = 0", "x")
    assert judge(script, Telling("x", "linux", (), "the packet was late")).passed
    assert "otherwise" in judge(script, Telling("x", "linux", (), "other flags")).says
    assert "passes" in judge(script, Telling("x", "linux", ())).says
    assert not judge(script, Telling("x", "netstack", (), "late")).passed


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong, noise = (tmp_path / f"{name}.pkt" for name in ("right", "wrong", "noise"))
    right.write_text(OPEN)
    wrong.write_text(OPEN + "+0 > F. 1:1(0) ack 1\n")
    noise.write_text("+0 sing() = 0\n")
    assert main(["pkt", str(right)]) == 0
    assert capsys.readouterr().out == "right  netstack passed\n1 of 1 plays went as their scripts say\n"
    assert main(["pkt", str(right), str(wrong), "-v"]) == 1
    said = capsys.readouterr().out
    assert "wrong.pkt, line 8, on netstack: the packet has not come" in said
    assert "1 of 2 plays went as their scripts say" in said
    assert main(["pkt", str(noise)]) == 64
    assert "line 1, column 4: there is no call sing" in capsys.readouterr().err
    assert main(["pkt", str(tmp_path / "nowhere.pkt")]) == 64
    assert f"lab: there is no {tmp_path}/nowhere.pkt\n" in capsys.readouterr().err


def test_a_folder_means_its_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.pkt").write_text(OPEN)
    (tmp_path / "empty").mkdir()
    assert main(["pkt", str(tmp_path)]) == 0
    assert "2 of 2 plays went as their scripts say" in capsys.readouterr().out
    assert main(["pkt", str(tmp_path / "empty")]) == 64
    assert "there is no script in" in capsys.readouterr().err


@pytest.mark.skipif(enclave.available() is not None, reason=str(enclave.available()))
def test_ctrl_c_ends_a_script_on_linux_at_once(tmp_path: Path) -> None:
    script = tmp_path / "long.pkt"
    script.write_text(OPEN + "+30 close(4) = 0\n")
    command = [sys.executable, "-m", "labs", "pkt", str(script), "--on", "linux"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True) as running:
        while not enclaves_of(running.pid):
            assert running.poll() is None
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        _, said = running.communicate(timeout=20)
    assert (running.returncode, said) == (130, "lab: interrupted\n")


def enclaves_of(pid: int) -> list[str]:
    """The player of the script: the child of the worker of the first process of the warden."""
    generation = [str(pid)]
    for _ in range(4):
        generation = [child for parent in generation for child in children(parent)]
    return generation


def children(pid: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
