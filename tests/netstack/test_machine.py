"""A host with its programs: whether anything is still to come of it by itself."""

import random

from netstack.host import Host, Interface
from netstack.machine import Machine
from netstack.packets import number
from netstack.requests import Operation, Request


def test_a_host_is_at_rest_when_it_looks_for_no_neighbour_any_more() -> None:
    """A driver that took it for resting would never ring its timer, and what waits for the neighbour waits for ever."""
    interface = Interface("eth0", bytes((2, 0, 0, 0, 0, 1)), number("10.0.0.1"), 24)
    machine = Machine(Host(interfaces=[interface], randomness=random.Random(1)))
    machine.start("asks")
    assert machine.at_rest
    machine.request("asks", Request(1, Operation.OPEN_UDP, 1), now=0.0)
    asked = Request(2, Operation.SEND_TO, 1, address=number("10.0.0.2"), port=53, data=b"who?")
    machine.request("asks", asked, now=0.0)
    assert machine.frames_to_send()  # a search, to everybody
    assert not machine.at_rest
    searches = 0
    while (due := machine.next_timer()) is not None and not machine.at_rest:
        machine.handle_timer(now=due)
        searches += len(machine.frames_to_send())
    assert searches > 0
    assert machine.at_rest
