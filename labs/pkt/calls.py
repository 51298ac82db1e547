"""The system calls that a script can make: from names and arguments to one `Call`, checked.

What an argument of `...` stands for is the same on every ground: addresses and ports are the runner's, data is a
pattern (`translation.pattern`) that tells where in the stream a byte belongs.
"""

import errno
from collections.abc import Callable, Sequence

from labs.pkt.script import ANYTHING, Call, Polled

Argument = int | str | tuple["Argument", ...] | dict[str, "Argument"]

MOST_BYTES = 1 << 20
SHUTDOWNS = {"SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2}
SET_OPTIONS = {"SO_REUSEADDR", "SO_LINGER", "TCP_NODELAY"}
GET_OPTIONS = {"SO_ERROR"}
EVENTS = {"POLLIN", "POLLOUT"}
SIGNATURES = {
    "socket": 3,
    "bind": 3,
    "listen": 2,
    "accept": 3,
    "connect": 3,
    "read": 3,
    "recv": 4,
    "write": 3,
    "send": 4,
    "close": 1,
    "shutdown": 2,
    "fcntl": 3,
    "setsockopt": 5,
    "getsockopt": 5,
    "poll": 3,
}
"""Every call, and how many arguments it takes."""


class CallFault(Exception):
    """A call that is not made so; says why."""


def understand(name: str, arguments: Sequence[Argument], returns: int | None, error: str) -> Call:
    """Raises `CallFault`."""
    if name not in SIGNATURES:
        raise CallFault(f"there is no call {name}; there are {', '.join(SIGNATURES)}")
    if len(arguments) != SIGNATURES[name]:
        raise CallFault(f"{name} takes {SIGNATURES[name]} arguments, not {len(arguments)}")
    if name == "poll":
        return _poll(arguments, returns)
    if name == "socket":
        return _socket(arguments, returns)
    if name == "accept" and not error and returns is None:
        raise CallFault("accept must say what the new socket is called: = 4")
    say = _SAYS.get(name, lambda _: {})
    socket = _number(arguments[0], "a socket")
    return Call(name=name, socket=socket, returns=returns, error=error, **say(arguments))


Said = dict[str, int | str | bool]
"""Fields of a `Call`."""


def _backlog(arguments: Sequence[Argument]) -> Said:
    return {"number": _number(arguments[1], "a backlog")}


def _transfer(arguments: Sequence[Argument]) -> Said:
    flags = _flags(arguments[3]) if len(arguments) == 4 else set()
    if flags - {"MSG_DONTWAIT", "MSG_NOSIGNAL"}:
        raise CallFault("the only flags are MSG_DONTWAIT and MSG_NOSIGNAL")
    count = _number(arguments[2], "a number of bytes", MOST_BYTES)
    return {"number": count, "nonblocking": "MSG_DONTWAIT" in flags}


def _shutdown(arguments: Sequence[Argument]) -> Said:
    if not isinstance(arguments[1], str) or arguments[1] not in SHUTDOWNS:
        raise CallFault(f"a shutdown is one of {', '.join(SHUTDOWNS)}")
    return {"number": SHUTDOWNS[arguments[1]]}


def _fcntl(arguments: Sequence[Argument]) -> Said:
    if arguments[1] != "F_SETFL":
        raise CallFault("the only fcntl is F_SETFL, with or without O_NONBLOCK")
    return {"nonblocking": "O_NONBLOCK" in _flags(arguments[2])}


def _set_option(arguments: Sequence[Argument]) -> Said:
    option = _option(arguments[2], SET_OPTIONS)
    if option != "SO_LINGER":
        return {"option": option, "number": _only(arguments[3])}
    if arguments[3] != {"onoff": 1, "linger": 0}:
        raise CallFault("SO_LINGER is set to {onoff=1, linger=0}: close with a reset")
    return {"option": option}


def _get_option(arguments: Sequence[Argument]) -> Said:
    return {"option": _option(arguments[2], GET_OPTIONS), "number": _only(arguments[3])}


_SAYS: dict[str, Callable[[Sequence[Argument]], Said]] = {
    "listen": _backlog,
    "read": _transfer,
    "recv": _transfer,
    "write": _transfer,
    "send": _transfer,
    "shutdown": _shutdown,
    "fcntl": _fcntl,
    "setsockopt": _set_option,
    "getsockopt": _get_option,
}


def _socket(arguments: Sequence[Argument], returns: int | None) -> Call:
    kinds = _flags(arguments[1])
    if "SOCK_STREAM" not in kinds or kinds - {"SOCK_STREAM", "SOCK_NONBLOCK"}:
        raise CallFault("a socket is SOCK_STREAM here, perhaps with SOCK_NONBLOCK")
    if returns is None or returns < 0:
        raise CallFault("socket must say what the new socket is called: = 3")
    return Call(name="socket", socket=returns, nonblocking="SOCK_NONBLOCK" in kinds, returns=returns)


def _poll(arguments: Sequence[Argument], returns: int | None) -> Call:
    structures = arguments[0]
    if not isinstance(structures, tuple) or len(structures) != arguments[1] or not structures:
        raise CallFault("poll takes a list of {fd=, events=, revents=}, and how many they are")
    polled = []
    for each in structures:
        if not isinstance(each, dict) or set(each) != {"fd", "events", "revents"}:
            raise CallFault("each of poll's sockets is written {fd=4, events=POLLIN, revents=0}")
        socket = _number(each["fd"], "a socket")
        polled.append(Polled(socket, frozenset(_events(each["events"])), frozenset(_events(each["revents"]))))
    timeout = _number(arguments[2], "poll's milliseconds", 3_600_000, least=-1)
    return Call(name="poll", polled=tuple(polled), number=timeout, nonblocking=timeout == 0, returns=returns)


def _events(argument: Argument) -> set[str]:
    if unknown := (events := _flags(argument)) - EVENTS:
        raise CallFault(f"events are POLLIN and POLLOUT, not {', '.join(sorted(unknown))}")
    return events


def _flags(argument: Argument) -> set[str]:
    if argument == 0:
        return set()
    if not isinstance(argument, str) or argument == ANYTHING:
        raise CallFault("here belong flags, with | between them, or 0")
    return set(argument.split("|"))


def _number(argument: Argument, what: str, most: int = 2**31 - 1, *, least: int = 0) -> int:
    if not isinstance(argument, int) or not least <= argument <= most:
        raise CallFault(f"here belongs {what}: a number from {least} to {most}")
    return argument


def _only(argument: Argument) -> int:
    if isinstance(argument, tuple) and len(argument) == 1:
        value = getattr(errno, argument[0], None) if isinstance(argument[0], str) else argument[0]
        if isinstance(value, int):
            return value
    raise CallFault("an option's value is written [1]")


def _option(argument: Argument, known: set[str]) -> str:
    if not isinstance(argument, str) or argument not in known:
        raise CallFault(f"there is no option {argument}; there are {', '.join(sorted(known))}")
    return argument
