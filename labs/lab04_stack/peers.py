"""The ends that the judge plays itself: bytes typed on a connection, and somebody at the hub who forges."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from labs.lab04_stack.evidence import behind, segment_in
from labs.story.trace import Trace
from labs.testbed.scene import Acting, Program, Scene, Send
from netstack.flow.sequence import add
from netstack.packets import ACK, RST, Ethernet, IPv4, Tcp, number
from netstack.wire import SECOND

LENGTH = 4


def encoded(payload: bytes) -> bytes:
    """A message on a stream, as the handout says."""
    return len(payload).to_bytes(LENGTH, "big") + payload


def typing(host: str, *, name: str = "line", port: int, **arguments: Any) -> Program:
    """A bare connection, with its application port of the same `name`: to `connect`, or else waiting to be called."""
    return Program(host=host, file="socket_end.py", name=name, arguments={"port": port, "at": name, **arguments})


def heard(trace: Trace, host: str, name: str = "line") -> bytes:
    """All that came to such a connection."""
    return b"".join(trace.delivered(host, name))


# Forged by the judge, as `forge.py` should ---------------------------------------------------------------------------


def window_update(frame: bytes, window: int) -> bytes:
    """What the sender of `frame`, which carries TCP, would say next to offer a window."""
    return _followed(frame, lambda last: replace(last, flags=ACK, window=window))


def reset(frame: bytes, ahead: int = 0) -> bytes:
    """What the sender of `frame` would say next to end it all, its number too high by `ahead`."""
    return _followed(frame, lambda last: replace(last, flags=RST, sequence=add(last.sequence, ahead)))


FORGE: dict[str, Callable[..., bytes]] = {"window_update": window_update, "reset": reset}


def _followed(frame: bytes, change: Callable[[Tcp], Tcp]) -> bytes:
    ethernet = Ethernet.parse(frame)
    packet = IPv4.parse(ethernet.payload)
    last = Tcp.parse(packet.payload, packet.source, packet.destination)
    segment = change(replace(last, sequence=behind(last), payload=b""))
    packet = replace(packet, payload=segment.build(packet.source, packet.destination))
    return replace(ethernet, payload=packet.build()).build()


@dataclass(slots=True)
class Forger:
    """What `given/eavesdropper.py` does, done by the judge. Times are nanoseconds."""

    name: int
    orders: list[tuple[int, str, Sequence[Any]]]
    _last: bytes = field(default=b"")

    def receive(self, link: int, frame: bytes, *, now: int) -> Iterator[Send]:
        """Remember what the one whose name we use has said last."""
        if segment_in(frame) is not None and IPv4.parse(Ethernet.parse(frame).payload).source == self.name:
            self._last = frame
        return iter(())

    def next_timer(self) -> int | None:
        """When the next order is due."""
        return self.orders[0][0] if self.orders else None

    def handle_timer(self, *, now: int) -> Iterator[Send]:
        """Obey what is due; who has heard nothing says nothing."""
        while self.orders and self.orders[0][0] <= now:
            _, function, more = self.orders.pop(0)
            if self._last:
                yield Send(0, FORGE[function](self._last, *more))


def by_the_judge(scene: Scene) -> Scene:
    """An overheard scene in which the judge sits at the hub, and nobody needs a `forge.py`."""
    (forger,) = (each for each in scene.programs if isinstance(each, Program) and each.host == "c")
    orders = [(round(at * SECOND), function, more) for at, function, *more in forger.arguments["orders"]]
    make = partial(_forger, number(forger.arguments["as"]), orders)
    others = (each for each in scene.programs if each is not forger)
    return replace(scene, programs=(*others, Acting(host="c", make=make)), preload=())


def _forger(name: int, orders: list[tuple[int, str, Sequence[Any]]]) -> Forger:
    return Forger(name, list(orders))
