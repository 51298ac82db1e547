"""The table of a benchmark, and the packages that it needs."""

import io
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from bench.rows import Row
from labs.cli import bench, groups
from labs.cli.exit import Refusal


@pytest.mark.parametrize(
    ("row", "ratio", "met"),
    [
        (Row(what="frames", ours=200, peer=100, peer_name="bridge", unit="1/s", goal=1.5), 2.0, True),
        (Row(what="frames", ours=100, peer=100, peer_name="bridge", unit="1/s", goal=1.5), 1.0, False),
        (Row(what="start", ours=1, peer=10, peer_name="mn", unit="s", goal=0.2, smaller_is_better=True), 0.1, True),
        (Row(what="start", ours=5, peer=10, peer_name="mn", unit="s", goal=0.2, smaller_is_better=True), 0.5, False),
        (Row(what="frames", ours=200, peer=None, peer_name="dpkt", unit="1/s", goal=4), None, None),
        (Row(what="first verdict", ours=0.8, unit="s", goal=1, smaller_is_better=True), None, True),
        (Row(what="frames", ours=200, peer=100, peer_name="bridge", unit="1/s"), 2.0, None),
    ],
)
def test_a_goal_is_held_against_the_ratio(row: Row, ratio: float | None, met: bool | None) -> None:
    assert (row.ratio, row.met) == (ratio, met)
    assert bench.as_json(row)["met"] is met


def test_a_missing_peer_is_a_row_that_says_so() -> None:
    shown = bench.table(
        [Row(what="frames", ours=12345, peer=None, peer_name="simpy", unit="1/s", note="pip install simpy")]
    )
    assert "12,345" in shown
    assert "missing" in shown
    assert "pip install simpy" in shown


# Groups of packages. Nothing is installed here: what is asked, refused and skipped is what counts.


def test_a_group_is_asked_for_before_it_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("DOWNSTACK_YES", raising=False)
    with pytest.raises(Refusal) as refused:
        groups.require_group("notebooks")
    assert "Jupyter" in refused.value.message
    assert "DOWNSTACK_YES=1" in (refused.value.cure or "")


def test_a_group_is_installed_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed: list[Path] = []
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("DOWNSTACK_YES", "1")
    monkeypatch.setattr(groups, "_install", installed.append)
    groups.require_group("bench")
    groups.require_group("bench")
    assert [path.name for path in installed] == ["bench.txt"]


@pytest.mark.parametrize("fails", [False, True])
def test_what_pip_says_goes_to_the_log_and_its_end_is_shown_when_it_failed(
    fails: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pip = tmp_path / "python"
    pip.write_text(f"#!/bin/sh\nseq -f 'WARNING %.0f' 9 >&2\nexit {int(fails)}\n")
    pip.chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(pip))
    monkeypatch.setenv("DOWNSTACK_YES", "1")
    with pytest.raises(Refusal, match=r"setup\.log") if fails else nullcontext():
        groups.require_group("bench")
    told, *shown = capfd.readouterr().err.splitlines()
    assert told == f"lab: installing {groups.PURPOSE['bench']}"
    assert shown == [f"WARNING {number}" for number in (5, 6, 7, 8, 9) if fails]
    assert (tmp_path / "setup.log").read_text().splitlines()[0] == "WARNING 1"


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(Refusal):
        groups.require_group("everything")
