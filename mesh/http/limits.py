"""What a server or a client puts up with: nothing from the other side is unbounded, neither in size nor in time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes are bytes, times seconds."""

    head: int = 32 * 1024
    """Start line and headers."""
    headers: int = 100
    body: int = 4 << 20
    head_seconds: float = 10.0
    """From the first byte of a message to the end of its headers."""
    body_seconds: float = 60.0
    idle_seconds: float = 75.0
    """A server keeps a connection for so long without a request. A client's must be shorter, or both race: the request
    and the closing (see `client`)."""
    send_seconds: float = 60.0
    connections: int = 1000
    streams: int = 100
    """Requests at a time on a connection of HTTP/2."""
    requests: int = 100_000
    """After so many a connection is closed in order."""
