"""What travels in this lab: what hosts with TCP/IP say to each other, and on the bare line the frames of lab 3."""

from labs.lab03_flow import kinds as flow
from labs.story import packets
from labs.story.packets import Field


def _ours(frame: bytes) -> bool:
    return int.from_bytes(frame[12:14], "big") == flow.ETHERTYPE


def classify(frame: bytes) -> str:
    """The kind of a frame: lab 3's names for its frames, else those of `labs.story.packets`."""
    return flow.classify(frame) if _ours(frame) else packets.classify(frame)


def describe(frame: bytes) -> str:
    """The frame in one line."""
    return flow.describe(frame) if _ours(frame) else packets.describe(frame)


def fields(frame: bytes) -> list[Field]:
    """Every byte of the frame, field by field."""
    return flow.fields(frame) if _ours(frame) else packets.fields(frame)
