"""`--settings sack=0,congestion=cubic`: what a host is told before a script begins, the same on every ground.

Each name stands for a field of `netstack.tcp.Settings` and for a sysctl or a socket's option of Linux; the grounds
know which. Flags are 0 or 1, times seconds, sizes bytes.
"""

from dataclasses import dataclass, fields, replace


class SettingsFault(Exception):
    """A setting that means nothing; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A host as a script wants it. What is None stays as each ground has it by itself."""

    sack: bool = True
    timestamps: bool = True
    wscale: bool = True
    ecn: bool = False
    rack: bool = True
    """Losses judged by time, and tail loss probes (RFC 8985); both need SACK."""
    congestion: str = "reno"
    mtu: int = 1500
    rcvbuf: int | None = None
    sndbuf: int | None = None
    quick_acks: bool = True
    """Whether the first segments are acknowledged at once, or late, as later ones are."""
    syn_retries: int | None = None
    user_timeout: float | None = None
    keepalive: int | None = None
    keepalive_interval: int = 1
    keepalive_probes: int = 3
    fin_timeout: int | None = None
    """How long FIN-WAIT-2 lasts when nobody waits for the other side's FIN any more."""
    strict: bool = False
    """Segments must be cut as the script cuts them."""


_NUMBERS = {
    "mtu": (88, 9000),
    "rcvbuf": (2048, 1 << 22),
    "sndbuf": (4096, 1 << 22),
    "syn_retries": (1, 10),
    "user_timeout": (0, 3600),
    "keepalive": (1, 3600),
    "keepalive_interval": (1, 3600),
    "keepalive_probes": (1, 100),
    "fin_timeout": (1, 120),
}
CONGESTIONS = ("reno", "cubic")


def understand(settings: dict[str, str]) -> Setup:
    """Raises `SettingsFault` for a name or a value that means nothing."""
    setup = Setup()
    for name, value in settings.items():
        setup = replace(setup, **{name: _value(name, value)})  # type: ignore[arg-type]
    return setup


def _value(name: str, value: str) -> bool | int | float | str:
    if name == "congestion":
        if value not in CONGESTIONS:
            raise SettingsFault(f"congestion is one of {', '.join(CONGESTIONS)}")
        return value
    if name in _NUMBERS:
        least, most = _NUMBERS[name]
        kind = float if name == "user_timeout" else int
        try:
            number = kind(value)
        except ValueError:
            raise SettingsFault(f"{name} is a number, not {value!r}") from None
        if not least <= number <= most:
            raise SettingsFault(f"{name} is from {least} to {most}")
        return number
    if name not in {field.name for field in fields(Setup)}:
        raise SettingsFault(f"there is no setting {name!r}; there are {', '.join(f.name for f in fields(Setup))}")
    if value not in ("0", "1"):
        raise SettingsFault(f"{name} is 0 or 1")
    return value == "1"
