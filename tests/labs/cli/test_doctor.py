"""`lab doctor`: every finding is tried, named, and mended by one line."""

import json
import subprocess
import sys
import time

import pytest

from labs.cli import doctor, machine

CHECKS = [
    "python", "user namespaces", "enclave", "links", "packet sockets", "nftables", "netem", "tap",
    "mininet", "sandbox", "git", "user-mode linux", "chromium", "servers",
]  # fmt: skip


def test_the_json_form_is_stable() -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "labs", "doctor", "--json"], capture_output=True, text=True, timeout=30
    )
    assert time.monotonic() - began < 10, "it should take a second or two"
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert list(said) == ["downstack", "checks", "testbeds", "apparmor_profile"]
    assert [check["name"] for check in said["checks"]] == CHECKS
    assert [testbed["name"] for testbed in said["testbeds"]] == ["sim", "mininet", "vm"]
    for finding in said["checks"] + said["testbeds"]:
        assert list(finding) == ["name", "state", "detail", "mend"]
        assert finding["state"] in {"works", "limited", "missing"}
        assert finding["detail"]
    assert said["checks"][0]["state"] == "works"
    assert said["testbeds"][0]["state"] == "works", "sim needs nothing"


def findings(**states: machine.State) -> dict[str, machine.Finding]:
    """Findings as on a good machine, but for `states` (spaces and hyphens of a name as underscores)."""
    named = {name.replace(" ", "_").replace("-", "_"): name for name in CHECKS}
    found = {name: machine.Finding(name, machine.State.WORKS, "fine") for name in CHECKS}
    for name, state in states.items():
        found[named[name]] = machine.Finding(named[name], state, "broken", f"mend {name}")
    return found


def test_without_namespaces_only_sim_is_left_and_the_mend_is_theirs() -> None:
    sim, mininet, _ = machine._testbeds(findings(enclave=machine.State.MISSING))
    assert sim.state is machine.State.WORKS
    assert (mininet.state, mininet.mend) == (machine.State.MISSING, "mend enclave")
    assert "enclave" in mininet.detail


def test_what_no_lab_needs_does_not_take_mininet_away() -> None:
    lacking = machine.State.MISSING
    _, mininet, _ = machine._testbeds(findings(netem=lacking, tap=lacking, chromium=lacking, user_mode_linux=lacking))
    assert mininet.state is machine.State.WORKS


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({("kernel", "apparmor_restrict_unprivileged_userns"): "1"}, "AppArmor profile"),
        ({("kernel", "unprivileged_userns_clone"): "0"}, "kernel.unprivileged_userns_clone=1"),
        ({("user", "max_user_namespaces"): "0"}, "user.max_user_namespaces="),
        ({}, "container"),
    ],
)
def test_what_forbids_namespaces_decides_the_mend(
    settings: dict[tuple[str, ...], str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_setting", lambda *name: settings.get(name))
    assert words in machine._mend_namespaces()


def test_the_apparmor_profile_names_our_python_and_is_shown_only_where_it_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forbidden = findings(user_namespaces=machine.State.MISSING)
    monkeypatch.setattr(machine, "_setting", lambda *name: "1")
    profile = machine._profile(forbidden)
    assert profile is not None
    assert profile.count("userns,") == 2
    assert profile.count("{") == profile.count("}")
    assert machine._profile(findings()) is None
    shown = doctor.as_text(machine.Examination((), (), profile))
    assert "apparmor_parser -r" in shown
    monkeypatch.setattr(machine, "_setting", lambda *name: None)
    assert machine._profile(forbidden) is None


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("true",), None),
        (("no-such-program",), "no no-such-program here"),
        (("sh", "-c", "echo first >&2; echo the last line >&2; exit 3"), "the last line"),
        (("sh", "-c", "exit 3"), "sh ended with exit code 3"),
    ],
)
def test_a_probe_says_in_one_line_why_not(command: tuple[str, ...], said: str | None) -> None:
    assert machine._attempt(*command) == said


def test_the_table_escapes_and_keeps_the_mend_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    long = machine.Finding("tap", machine.State.MISSING, "\x1b[2J" + "word " * 20, "sudo " + "x" * 80)
    shown = doctor.as_text(machine.Examination((long,), (), None))
    assert "\x1b" not in shown
    assert "sudo " + "x" * 80 in shown
