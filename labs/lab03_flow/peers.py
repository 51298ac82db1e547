"""The ends that the judge plays itself, so that two wrong ends cannot agree with each other."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from labs.lab01_wire.peers import Timed, acting, address
from labs.lab03_flow.scenes import AT_ONCE, score_service, stream
from labs.testbed.program.values import Stored
from labs.testbed.scene import Limits, Program, Reader, Scene
from labs.testbed.unit import Script
from netstack.flow.messages import Addressed, Message, MessageError
from netstack.wire import SECOND

A, B, STRANGER = address(1), address(2), address(9)
ADDRESSES = {"a": A, "b": B}

Respond = Callable[[Message, int], Iterable[tuple[int, Message]]]
"""What a peer answers to a message that comes at a time (ns): messages, each with the time at which to send it."""

Whole = Callable[..., Scene]
"""Makes a whole application's scene, as `scenes.stream` and `scenes.score_service` do."""


def cards_by(by: str) -> Whole:
    """*teams* and *players*, who speak to each other by `by`."""
    return lambda payloads, **more: stream(by, payloads, **more)


def scores(payloads: Sequence[bytes], **more: Any) -> Scene:
    """*reporter* and *board*, on machines that have nothing but `scores.py`."""
    return score_service(payloads, file="by_itself.py", program="scores", **more)


def frame(sender: str, message: Message, flow: int = 0) -> bytes:
    """The frame in which `sender` (a or b) says `message` to the other."""
    source, destination = (A, B) if sender == "a" else (B, A)
    return Addressed(destination, source, message, flow).build()


def strays(ours: str, message: Message, flow: int) -> list[bytes]:
    """What has nothing to say to whoever hears it from `ours`: `message` from a stranger, or to one, and no message."""
    source, destination = (A, B) if ours == "a" else (B, A)
    return [
        Addressed(destination, STRANGER, message, flow).build(),
        Addressed(STRANGER, source, message, flow).build(),
        destination + source + b"\x88\xb5\x09",
    ]


def parse(data: bytes, flow: int = 0) -> Message | None:
    """What a frame says in this flow; None for anything else."""
    try:
        heard = Addressed.parse(data)
    except MessageError:
        return None
    return heard.message if heard.flow == flow else None


def _silence(message: Message, now: int) -> Iterable[tuple[int, Message]]:
    return ()


def against_us(
    whole: Whole,
    ours: str,
    *,
    name: str,
    payloads: Sequence[bytes] = (),
    opening: Iterable[tuple[int, Message]] = (),
    besides: Iterable[Timed] = (),
    respond: Respond = _silence,
    reader: Reader = AT_ONCE,
    seconds: float = 60.0,
    **more: Any,
) -> Scene:
    """A scene of `whole` in which the judge plays the host `ours`: it says `opening`, and answers by `respond`.

    The frames `besides` come from there too, whatever they are.
    """
    scene = whole(payloads, reader=reader, name=name, **more)
    flow = next(each.arguments["flow"] for each in scene.programs if isinstance(each, Program))

    def respond_in_frames(data: bytes, now: int) -> list[Timed]:
        message = parse(data, flow)
        return [] if message is None else [(at, frame(ours, said, flow)) for at, said in respond(message, now)]

    told = [(at, frame(ours, said, flow)) for at, said in opening]
    peer = acting(ours, [*told, *besides], respond_in_frames)
    return Scene(
        name=name,
        topology=scene.topology,
        programs=(*(each for each in scene.programs if each.host != ours), peer),
        ports=tuple(replace(port, enough=None) for port in scene.ports if port.host != ours),
        classify=scene.classify,
        limits=Limits(time=int(seconds * SECOND)),
    )


def in_a_script(script: Script, message: Message) -> Stored:
    """`message`, made in the student's process, as an argument for what a unit script calls."""
    values = [getattr(message, name) for name in type(message).__match_args__]
    kind = type(message).__name__
    shown = f"{kind}({', '.join(map(repr, values))})"
    return script.make(f"netstack.flow.messages.{kind}", *values, store=shown)
