"""`lab shell`: Mininet's prompt in a lab's topology."""

import subprocess
import sys
from pathlib import Path

import pytest

from labs.testbed import enclave

ROOT = Path(__file__).parents[3]


def _shell(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "labs", "shell", *arguments]
    return subprocess.run(
        command, cwd=ROOT, input=typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )


@pytest.mark.skipif(enclave.available() is not None, reason=str(enclave.available()))
def test_it_is_mininets_prompt_on_the_labs_hosts() -> None:
    said = _shell("1", "--topo", "pair", typed="net\na ls /sys/class/net\n")
    assert said.returncode == 0, said.stdout
    assert "a a-eth0:b-eth0" in said.stdout
    assert "a-b: 10 Mbit/s, delay 1ms" in said.stdout
    assert "a-eth0" in said.stdout
    assert "lo" in said.stdout.split()


def test_a_topology_that_is_not_there_is_refused_with_those_that_are() -> None:
    said = _shell("1", "--topo", "ring")
    assert said.returncode == 64
    assert "no topology 'ring'" in said.stdout
    assert "pair" in said.stdout
