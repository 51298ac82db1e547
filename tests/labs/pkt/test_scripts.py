"""Every script goes as it is written: on our stack to the microsecond, on Linux within what its timers allow."""

from pathlib import Path

import pytest

from labs.pkt import grounds
from labs.pkt.coverage import document
from labs.pkt.grounds import RFC, judge, on_linux, on_netstack
from labs.pkt.script import Script
from labs.pkt.telling import divergence
from labs.testbed import enclave

ROOT = Path(__file__).parents[3]
SCRIPTS = grounds.scripts()
QUICK = ("handshake_active", "simultaneous_open", "half_close", "rst_in_window", "fast_retransmit", "sack_blocks")
"""Of each kind one, to see at every run that the kernel still agrees."""

needs_enclave = pytest.mark.skipif(enclave.available() is not None, reason=str(enclave.available()))


@pytest.mark.parametrize("script", [pytest.param(script, id=script.name) for script in SCRIPTS])
def test_on_our_stack(script: Script) -> None:
    telling = on_netstack(script)
    assert not telling.complaint, "\n" + divergence(script, telling)


def wrong_on_linux(scripts: list[Script]) -> str:
    """What did not go as written, told; or nothing."""
    wrong = []
    for script, telling in zip(scripts, on_linux(scripts), strict=True):
        verdict = judge(script, telling)
        if not verdict.passed:
            wrong.append(divergence(script, telling) if telling.complaint else f"{script.name}: {verdict.says}")
    return "\n\n".join(wrong)


@needs_enclave
def test_some_on_linux() -> None:
    assert wrong_on_linux([script for script in SCRIPTS if script.name.endswith(QUICK)]) == ""


@needs_enclave
@pytest.mark.slow
def test_all_on_linux() -> None:
    assert wrong_on_linux(SCRIPTS) == ""


def test_there_are_scripts_of_everything_promised() -> None:
    assert len(SCRIPTS) >= 40
    clauses = {script.clause.partition(" (")[0] for script in SCRIPTS}
    assert clauses >= {f"RFC {number}" for number in (9293, 1122, 5681, 6298, 6582, 6675, 7323, 2018, 5961, 3168, 8985)}


@pytest.mark.parametrize("script", [pytest.param(script, id=script.name) for script in SCRIPTS])
def test_a_script_says_what_it_shows(script: Script) -> None:
    assert script.clause, "a script's name begins with its clause, as rfc9293_3_5_handshake"
    assert script.about.endswith((".", ")", ":")), "it begins with a sentence"
    assert bool(script.differs) == bool(script.linux_says), "whoever differs from Linux tells why, and how it shows"


def test_the_table_of_clauses_is_fresh() -> None:
    committed = (ROOT / "docs/pkt-scripts.md").read_text(encoding="utf-8")
    assert committed == document(SCRIPTS), "./lab pkt --coverage > docs/pkt-scripts.md"


def test_the_example_of_the_document_is_a_script_of_ours() -> None:
    example = (ROOT / "docs/pkt.md").read_text(encoding="utf-8").split("```")[1].strip()
    assert all(line in (RFC / "rfc9293_3_5_handshake_passive.pkt").read_text() for line in example.splitlines()[:8])
