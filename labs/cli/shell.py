"""`lab shell`: Mininet's own prompt, on the hosts and links of a lab."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from labs.cli.chosen import add_lab, chosen_lab, refusing
from labs.cli.exit import INCONCLUSIVE, PASSED, Refusal
from labs.cli.terminal import escape, paint
from labs.grading.checks import import_part
from labs.story.trace import Recorder, Trace
from labs.testbed import testbeds

if TYPE_CHECKING:
    from mininet.topo import Topo

SUMMARY = "a prompt on the lab's emulated hosts: look around, ping, sniff"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_lab(parser)
    parser.add_argument("--topo", metavar="NAME", help="one of the lab's topologies (default: its first)")


def run(args: argparse.Namespace) -> int:
    """Bring the network up, hand over to Mininet's prompt, and let everything disappear with it."""
    _, lab = chosen_lab(args.lab)
    with refusing():
        topologies: dict[str, Callable[[], Topo]] = import_part(lab, "topology").topos
    name = args.topo or next(iter(topologies))
    if name not in topologies:
        raise Refusal(f"lab {lab.number} has no topology {escape(repr(name))}", cure=f"it has {', '.join(topologies)}")
    if reason := testbeds.why_not("mininet"):
        raise Refusal(escape(reason), cure="./lab doctor", code=INCONCLUSIVE)
    from labs.testbed import enclave

    print(
        paint(f"lab {lab.number}, topology {name!r}, in Mininet; Ctrl-D ends it, `help` says more", "bold"), flush=True
    )
    enclave.call(_talk, topologies[name])
    return PASSED


def _talk(topology: "Callable[[], Topo]") -> None:
    from mininet.cli import CLI

    from labs.testbed.emulated import Cables
    from labs.testbed.network import Network
    from labs.testbed.relay import Relay
    from labs.testbed.wiring import Wiring

    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # so that python3 on a host knows scapy
    with Network(topology()) as network:
        for line in network.plan.lines():
            print(f"  {line.name}: {line.properties or 'a plain wire'}")
        unwatched = Recorder(Trace(scene="", seed=0, testbed="mininet"))
        wiring = Wiring(plan=network.plan, recorder=unwatched, classify=lambda frame: "frame")
        relay = Relay(Cables(network).lines(wiring), epoch=time.time_ns(), judged=False)
        CLI(network.net)
        list(relay.stop())
