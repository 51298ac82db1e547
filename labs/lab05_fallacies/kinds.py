"""What travels in this lab: TCP's segments, told with the beginning of what they carry."""

from labs.story.packets import classify, fields
from labs.story.packets import describe as describe_packet

LENGTH = 4
MOST = 90  # characters of a call that fit into a line

__all__ = ["classify", "describe", "fields"]


def describe(frame: bytes) -> str:
    """The frame in one line; where it carries a call, that stands first."""
    told = describe_packet(frame)
    if classify(frame) not in ("data", "fin"):
        return told
    at = next((begin for name, begin, _, _ in fields(frame) if name == "payload"), len(frame))
    words = frame[at + LENGTH : at + LENGTH + MOST].decode("utf-8", "replace")
    return f"{words}  {told}" if words.startswith("{") and words.isprintable() else told
