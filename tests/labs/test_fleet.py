"""The fleet: what is counted, an upgrade in virtual time, and the real thing in processes, with Ruby."""

import io
import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from labs.course import CHECKOUT
from labs.fleet import foreign, telling
from labs.fleet.catalogue import HERE, SERVICES
from labs.fleet.measuring import Measured, in_virtual_time, steps
from labs.fleet.prices import ByLibrary
from labs.fleet.working_copy import WorkingCopy
from labs.grading.reference import read_patches

ALL = [kind.name for kind in SERVICES]


def measured(folder: Path, count: int = 12, **more: object) -> tuple[Measured, list[str]]:
    done: list[str] = []
    kinds = SERVICES[:count]
    upgrade = ByLibrary([kind.name for kind in kinds], bridge=bool(more.get("bridge")))
    found = in_virtual_time(folder, kinds, upgrade, rate=24, seed=int(str(more.get("seed", 1))), done=done.append)
    assert len(done) <= steps(kinds, upgrade)
    return found, done


def test_the_catalogue_names_all_services_each_after_those_it_needs() -> None:
    assert sorted(ALL) == sorted(path.name for path in (HERE / "services").iterdir())
    for number, name in enumerate(ALL):
        sources = "".join(path.read_text(encoding="utf-8") for path in (HERE / "services" / name).glob("*.py"))
        needs = set(re.findall(r'client\("(\w+)"|Client\("(\w+)"\)|opened\("(\w+)", "(\w+)"\)', sources))
        toml = HERE / "services" / name / "service.toml"
        declared = tomllib.loads(toml.read_text(encoding="utf-8")).get("needs", {}) if toml.exists() else {}
        for need in {need for found in needs for need in found if need} | set(declared):
            assert need in ALL[:number], f"{name} needs {need}"


def test_players_and_teams_have_the_business_of_lab_0() -> None:
    original = (CHECKOUT / "labs/lab00_machine/starter/business.py").read_bytes()
    for name in ("players", "teams"):
        assert (HERE / "services" / name / "business.py").read_bytes() == original


def test_every_patch_applies_and_leaves_no_old_name_behind(tmp_path: Path) -> None:
    copy = WorkingCopy.lay_out(tmp_path)
    assert {patch.name for patch in read_patches(HERE / "upgrade")} <= set(ALL)
    for name in ALL:
        copy.adapt(name)
        copy.require(name, "2")
        for path in copy.service(name).iterdir():
            text = path.read_text(encoding="utf-8")
            assert "timeout" not in text, path
            assert "x-caller" not in text, path
    assert copy.release_of("news") == "2"


def test_an_upgrade_touches_restarts_and_fails(tmp_path: Path) -> None:
    found, _ = measured(tmp_path)
    cost = found.governance
    assert cost.restarts == 12
    assert len(cost.touched) == cost.edits == 25
    assert {each.service for each in cost.touched} == set(ALL)
    assert [each.lines for each in cost.touched if each.service == "players"] == [2]
    assert 0.2 < cost.tally.failed.total() / cost.tally.asked.total() < 0.6
    assert all(reason.startswith("UNAUTHENTICATED") for reason in cost.tally.reasons)
    assert not cost.tally.failed["players"], "who needs nobody fails nobody"


def test_by_the_bridge_nothing_fails_and_everything_is_done_twice(tmp_path: Path) -> None:
    cost = measured(tmp_path, bridge=True)[0].governance
    assert not cost.tally.failed
    assert (cost.restarts, len(cost.touched), cost.edits) == (24, 25, 37)


def test_in_virtual_time_it_is_the_same_each_time(tmp_path: Path) -> None:
    one, other = (telling.as_json(measured(tmp_path / name, 5)[0]) for name in "ab")
    assert one == other


def test_the_table_tells_the_three_prices(tmp_path: Path) -> None:
    lines = list(telling.table(measured(tmp_path, 6)[0]))
    text = "\n".join(lines)
    assert all(len(line) <= 80 for line in lines), text
    assert "1. Glue: 81 lines wire 6 services to the library, in 3 ways;" in text
    assert "2. One runtime: not measured. Ruby knows nothing of virtual time." in text
    assert "3. Governance, library 1 to 2:" in text


def fleet(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "labs", "fleet", *arguments], cwd=CHECKOUT, capture_output=True, text=True, timeout=120
    )


@pytest.mark.slow
@pytest.mark.skipif(foreign.missing() != "", reason=foreign.missing())
def test_processes_and_ruby() -> None:
    done = fleet("4", "--json")
    assert done.returncode == 0, done.stderr
    told = json.load(io.StringIO(done.stdout))
    assert told["upgrade"]["restarts"] == 4
    assert [event["what"] for event in told["events"]] == [
        "release 2 arrives",
        "players moves",
        "one of two players dies",
    ]
    for event in told["events"]:
        assert event["library"]["failed"] == 0, event
        assert event["ruby"]["failed"] > event["ruby"]["asked"] / 3, event
        assert (event["edits"], event["restarts"]) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_it_nothing_stays(how: signal.Signals) -> None:
    """Ctrl-C, or a kill that nobody can answer: all services are gone."""
    running = subprocess.Popen(
        [sys.executable, "-m", "labs", "fleet", "5"], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        members = wait_for_members(running.pid)
        running.send_signal(how)
        running.communicate(timeout=30)
        assert running.returncode == (130 if how is signal.SIGINT else -9)
    finally:
        running.kill()
    deadline = time.monotonic() + 10
    while any(is_member(pid) for pid in members) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in members if is_member(pid)]


def wait_for_members(parent: int) -> list[int]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = [path.read_text().split() for path in Path(f"/proc/{parent}/task").glob("*/children")]
        if len(members := [int(pid) for each in children for pid in each if is_member(int(pid))]) == 5:
            return members
        time.sleep(0.05)
    raise AssertionError("the services did not start")


def is_member(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"labs.fleet.member" in command
    except OSError:
        return False


@pytest.mark.parametrize("wrong", [("3",), ("13",), ("many",), ("--rate", "0")])
def test_what_cannot_be_is_refused(wrong: tuple[str, ...]) -> None:
    assert fleet(*wrong).returncode == 64
