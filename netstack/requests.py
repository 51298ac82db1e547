"""What a program says to the host that it runs on, and hears from it: the records of system calls, and nothing else.

`netstack.calls` is the host's end, `netstack.sockets` the program's. Between them a record may pass by a function call,
or travel on a channel to another process; so a program needs to know no more of the host than this file.
"""

from dataclasses import dataclass
from enum import IntEnum


class Operation(IntEnum):
    """What is asked for; in brackets the fields of the request that say more → the fields of the answer."""

    OPEN_TCP = 1  # no answer
    OPEN_UDP = 2  # no answer
    BIND = 3  # [address, port] → address, port
    LISTEN = 4  # [number: backlog] → address, port
    CONNECT = 5  # [address, port] → address, port: our own
    ACCEPT = 6  # [number: what to call the new socket] → address, port: the other side's; number: our own address
    SEND = 7  # [data] → number: how many bytes were taken, at least one
    SEND_TO = 8  # [address, port, data] → number
    RECEIVE = 9  # [number: at most so many] → data; none at the end
    RECEIVE_FROM = 10  # [number] → data, address, port
    SHUT_DOWN = 11  # [number: 0 receiving, 1 sending, 2 both]
    CLOSE = 12  # no answer
    CANCEL = 13  # [number: of a request that need not be answered any more]; no answer
    NAME = 14  # → address, port: our own
    WAIT_READABLE = 15  # until RECEIVE or ACCEPT would not block
    WAIT_WRITABLE = 16  # until SEND would not block
    LINGER_NOT = 17  # close with a reset; no answer
    NO_DELAY = 18  # [number: 0 or 1] Nagle's rule off or on; no answer


@dataclass(frozen=True, slots=True)
class Request:
    """One system call. `call` is its number; `socket` is the program's own number of the socket."""

    call: int
    operation: Operation
    socket: int
    address: int = 0
    port: int = 0
    number: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the request `call`. `error` is 0, or a number of `errno`."""

    call: int
    error: int = 0
    address: int = 0
    port: int = 0
    number: int = 0
    data: bytes = b""
