"""What only the lecture on lab 3 reads out of a play, and the numbers that its formulas are made of."""

from labs.lab03_flow.scenes import CARD
from labs.lab03_flow.topology import Flow
from labs.story.notebook import Played
from labs.testbed.scene import Plan
from netstack.flow.messages import OVERHEAD
from netstack.wire import MILLISECOND

_LINE = Plan.of(Flow()).links[0].profile
_BITS_A_MILLISECOND = (_LINE.rate or 0) / 1000

DELAY = _LINE.delay / MILLISECOND
"""Milliseconds that the line takes, each way."""

CARD_TIME, ACK_TIME = (8 * length / _BITS_A_MILLISECOND for length in (OVERHEAD + CARD, OVERHEAD))
"""Milliseconds for which a card, and an acknowledgement, occupies the line."""


def lost(played: Played) -> list[int]:
    """The numbers of the cards, from 0, that the reader at b was never handed."""
    arrived = set(played.trace.delivered("b"))
    offered = played.trace.at_port("offered", "a")
    return [number for number, event in enumerate(offered) if event.payload not in arrived]


def read_share(played: Played) -> float:
    """How many cards the reader has read, as a share of what the line could have carried meanwhile."""
    read = played.trace.at_port("consumed", "b")
    return (len(read) - 1) * CARD_TIME * MILLISECOND / (read[-1].at - read[0].at)
