"""What a connection can be told before it begins."""

from dataclasses import dataclass, field

from netstack.tcp.congestion import Congestion
from netstack.tcp.cubic import Cubic


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Sizes are bytes, times seconds. The defaults are those of Linux, unless a line says otherwise."""

    mss: int = 1460
    """The longest payload that we take in one segment, and send: the link's 1,500 bytes less two headers of 20.

    On a `Host` this does not count: there the interface's MTU, less the same headers, decides.
    """
    send_buffer: int = 256 * 1024
    receive_buffer: int = 256 * 1024
    window_scale: bool = True
    timestamps: bool = True
    sack: bool = True
    ecn: bool = False
    nagle: bool = True
    rack: bool = True
    """With selective acknowledgements, judge by time what is lost (RFC 8985); otherwise by counting (RFC 6675)."""
    congestion: type[Congestion] = field(default=Cubic)
    initial_window: int = 10
    """In segments (RFC 6928)."""
    delayed_ack: float = 0.04
    quick_acks: int = 16
    """So many of the first segments are acknowledged at once, which helps the other side's slow start."""
    least_timeout: float = 0.2
    first_timeout: float = 1.0
    longest_timeout: float = 120.0
    syn_retries: int = 6
    user_timeout: float = 924.6
    """Without any progress for so long, the connection fails: what Linux's 15 tries come to."""
    keepalive: float | None = None
    """After so long without a word, ask whether the other side is still there; None: never (RFC 1122, 4.2.3.6)."""
    keepalive_interval: float = 75.0
    keepalive_probes: int = 9
    time_wait: float = 60.0
