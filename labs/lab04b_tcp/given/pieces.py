"""Which parts a connection is made of: ours, and of yours those that a scene names.

    parts(["reassembler"])       ours, with your reassembler
    parts(ALL)                   nothing but yours, behind the handshake

Your pieces are loaded when they are handed in, and not before. They may import the standard library, each other,
`segment`, and `netstack.flow.sequence`; what may not be imported is `netstack.tcp`, where the answers are.
"""

import ast
import importlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from paths import Boundless, Counting
from receiving import Locate, OurReceiver, Receiving
from sending import OurSender, Sending, Timing

from netstack.flow.sequence import MODULUS, distance
from netstack.tcp import Parts, Settings
from netstack.tcp.parts import make_receiver, make_sender
from netstack.tcp.reassembler import Reassembler
from netstack.tcp.rtt import RoundTrip

ALL = ("positions", "reassembler", "receiver", "timer", "sender", "congestion")


class Borrowed(Exception):
    """A piece imports the answer."""


def yours(name: str) -> ModuleType:
    """Your module `name`; raises `Borrowed` when it imports from `netstack.tcp`."""
    module = importlib.import_module(name)
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any((each + ".").startswith("netstack.tcp.") for each in names):
            raise Borrowed(f"{name}.py imports netstack.tcp, where the answers are: write it yourself")
    return module


def parts(names: Sequence[str], *, counting: bool = False) -> Parts:
    """How to make both halves of a connection. `counting`: where your congestion is not, duplicates are counted."""
    return Parts(sender=partial(_sender, names, counting), receiver=partial(_receiver, names))


def _ours(number: int, near: int) -> int:
    return near + distance(near % MODULUS, number)


def _locate(names: Sequence[str]) -> Locate:
    return yours("positions").position if "positions" in names else _ours


def _receiver(names: Sequence[str], first: int, settings: Settings) -> Any:
    reassembler = yours("reassembler").Reassembler if "reassembler" in names else Reassembler
    locate = _locate(names)
    if "receiver" not in names:
        ours = make_receiver(first, settings)
        ours.reassembler = reassembler(first)
        return OurReceiver(ours, locate)
    receiver = yours("receiver").Receiver

    def make(wanted: int) -> Any:
        return receiver(
            reassembler=reassembler(wanted),
            capacity=settings.receive_buffer,
            mss=settings.mss,
            delay=settings.delayed_ack,
        )

    return Receiving(make=make, capacity=settings.receive_buffer, locate=locate)


def _sender(names: Sequence[str], counting: bool, first: int, settings: Settings) -> Any:
    ours = make_sender(first, settings)
    limits = {"least": settings.least_timeout, "most": settings.longest_timeout, "first": settings.first_timeout}
    round_trip = yours("timer").RoundTrip if "timer" in names else RoundTrip
    if "sender" not in names:
        if "timer" in names:
            ours.round_trip = Timing(yours=round_trip(**limits), **limits)
        return OurSender(ours, _locate(names))
    sender, stand_in = yours("sender").Sender, Counting if counting else Boundless
    congestion = yours("congestion").Congestion if "congestion" in names else stand_in

    def make(start: int, mss: int) -> Any:
        path = congestion(mss, settings.initial_window * mss) if "congestion" in names else congestion()
        return sender(first=start, mss=mss, round_trip=round_trip(**limits), congestion=path)

    return Sending(ours=ours, make=make, capacity=settings.send_buffer)
