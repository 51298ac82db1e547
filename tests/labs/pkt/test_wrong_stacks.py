"""The scripts can fail: a stack with one thing wrong is found out by the script of that clause."""

from typing import Any

import pytest

from labs.pkt import grounds
from labs.pkt.grounds import on_netstack
from netstack.tcp import arrivals, loss, parts
from netstack.tcp.congestion import NewReno
from netstack.tcp.hardening import Challenges
from netstack.tcp.receiver import Receiver
from netstack.tcp.rtt import RoundTrip
from netstack.tcp.sender import Sender
from netstack.tcp.timestamps import Timestamps

SCRIPTS = {script.name: script for script in grounds.scripts()}


def no_back_off(self: RoundTrip) -> None:
    pass


def never(*_: object, **__: object) -> bool:
    return False


def always(*_: object, **__: object) -> bool:
    return True


def believes_any_reset(connection: Any, sequence: int, *, now: float) -> None:
    connection.fail(arrivals.Failure.RESET)


def any_size(_: Sender, size: int, *, is_last: bool, fin: bool) -> bool:
    return fin or size > 0


WRONG: dict[str, tuple[Any, str, object, str]] = {
    "a timeout is never doubled": (RoundTrip, "back_off", no_back_off, "rfc6298_5_timeout"),
    "two duplicates are a loss": (loss, "THRESHOLD", 2, "rfc5681_3_2_two_duplicates"),
    "twelve segments to begin with": (parts, "initial_window", lambda mss, _: 12 * mss, "rfc6928_2_initial_window"),
    "old timestamps are taken": (Timestamps, "is_old", never, "rfc7323_5_paws"),
    "whatever comes is acceptable": (arrivals, "is_acceptable", always, "rfc5961_3_2_rst_out_of_window"),
    "the future is believed": (arrivals, "is_believable", always, "rfc5961_5_2_ack_of_the_future"),
    "no doubt is voiced": (Challenges, "allow", never, "rfc5961_4_2_syn_in_window"),
    "gaps are not told": (Receiver, "blocks", lambda _: [], "rfc2018_4_sack_blocks"),
    "small segments go at will": (Sender, "_is_worth_sending", any_size, "rfc9293_3_8_6_2_1_silly_window"),
    "any reset is believed": (arrivals, "_take_reset", believes_any_reset, "rfc5961_3_2_rst_in_window"),
    "silence changes nothing": (NewReno, "idled", no_back_off, "rfc5681_4_1_idle_restart"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_found_by_its_script(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, name, other, script = WRONG[wrong]
    assert on_netstack(SCRIPTS[script]).complaint == ""
    monkeypatch.setattr(place, name, other)
    assert on_netstack(SCRIPTS[script]).complaint
