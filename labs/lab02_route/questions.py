"""Lab 2's questions, each student's with frames and routes of their own, and the defects to choose from."""

import random
from functools import cache, partial
from itertools import pairwise

from labs.lab01_wire.peers import acting
from labs.lab02_route.evidence import INFINITY, metric, said
from labs.lab02_route.kinds import classify
from labs.lab02_route.peers import Vector, ns
from labs.lab02_route.scenes import BEYOND, counting
from labs.lab02_route.topology import Star
from labs.questions import Play, Question
from labs.story.trace import FrameEvent
from labs.testbed.scene import Limits, Program, Scene
from netstack.packet import BROADCAST, ETHERTYPE

# Step 1: a learning switch --------------------------------------------------------------------------------------------

PORTS = "abcd"
Came = tuple[int, str, bytes, bytes]
"""A frame that comes into the switch: when (seconds), by which port, from which card, for which."""


def predict_1(key: str, play: Play) -> list[Question]:
    """Which ports do these frames go out of?"""
    came = _frames(random.Random(f"step 1 {key}"))
    told = "; ".join(
        f"{number}. at {at} s, by port {port}, from `{source.hex(':')}` to `{destination.hex(':')}`"
        for number, (at, port, source, destination) in enumerate(came, 1)
    )
    numbers = (
        "A switch with the ports a, b, c and d has just been switched on. These frames come in, one after the other: "
        f"{told}. Ports are written in the order of the alphabet, as in `bcd`; a frame that goes nowhere, as `none`."
    )

    @cache
    def left() -> dict[str, set[int]]:
        trace = play(_around_a_switch(came))
        return {port: {frame.data[14] for frame in trace.frames(f"switch-{port}")} for port in PORTS}

    def went(number: int) -> str:
        return "".join(port for port in PORTS if number in left()[port]) or "none"

    return [
        Question(
            f"q{n}", f"{numbers if n == 1 else ''} By which ports does frame {n} go out?".strip(), partial(went, n)
        )
        for n in range(1, len(came) + 1)
    ]


def _frames(source: random.Random) -> list[Came]:
    """Eight frames that show all that a switch does; which port and card plays which part, and when, is drawn."""
    p, q, r, s = source.sample(PORTS, 4)
    one, two, three, four = (bytes((2, 0, 0, 0, 0, number)) for number in source.sample(range(0x10, 0xFF), 4))
    begin = sorted(source.sample(range(1, 60), 5))
    seen = begin[2] + source.randrange(200, 280)  # when `three` is last heard of
    again, late = sorted(seen + past for past in (source.randrange(230, 299), source.randrange(300, 380)))
    return [
        (begin[0], p, one, two),  # nobody knows `two`
        (begin[1], q, two, one),
        (begin[2], r, three, BROADCAST),
        (begin[3], p, four, one),  # both live behind p
        (begin[4], s, one, two),  # `one` has moved
        (seen, r, three, one),
        (again, q, two, three),
        (late, p, four, three) if source.random() < 0.5 else (late, q, two, three),  # known no more
    ]


def _around_a_switch(came: list[Came]) -> Scene:
    frames: dict[str, list[tuple[int, bytes]]] = {port: [] for port in PORTS}
    for number, (at, port, source, destination) in enumerate(came, 1):
        frame = destination + source + ETHERTYPE.to_bytes(2, "big") + bytes([number])
        frames[port].append((ns(at), frame.ljust(60, b"\0")))
    return Scene(
        name="switch",
        topology=Star,
        programs=(Program(host="switch", file="switch.py"), *(acting(port, frames[port]) for port in PORTS)),
        classify=classify,
        limits=Limits(time=ns(3600)),
    )


# Step 5: a count to infinity ------------------------------------------------------------------------------------------

TO_ENDS = {"r1": "r1-a", "r2": "r2-b", "r3": "r3-c"}
"""Where each router says its metrics as they are, for it learns nothing there."""

Changes = list[tuple[int, int]]
"""When a metric changed (ns), and to what."""


def predict_5(key: str, play: Play) -> list[Question]:
    """How do three routers count to infinity?"""
    source = random.Random(f"step 5 {key}")
    far, missed_by = source.randrange(1, 7), source.choice(("r1", "r2"))
    other = "r2" if missed_by == "r1" else "r1"
    scene = counting(far, after=source.randrange(5, 9) + source.randrange(6, 10) / 10, missed_by=missed_by)
    numbers = _story(far, missed_by, other)

    @cache
    def changes() -> dict[str, Changes]:
        trace = play(scene)
        return {host: _changes(said(trace, direction)) for host, direction in TO_ENDS.items()}

    def finite(host: str) -> list[int]:
        return [far for _, far in changes()[host] if far < INFINITY]

    return [
        Question(
            "q1", f"{numbers} Before that, at which metric does {missed_by} reach it?", lambda: finite(missed_by)[0]
        ),
        Question(
            "q2",
            f"At which metric does {other} believe to reach it, when it has lost it and then heard {missed_by}?",
            lambda: finite(other)[1],
            why=f"{missed_by} still believes in its way through r3, which it does not hide from {other}",
        ),
        Question("q3", "And r3, a moment later?", lambda: finite("r3")[1], why=f"it hears that from {other}"),
        Question(
            "q4",
            f"How many different finite metrics does {missed_by} have in all, the first included?",
            lambda: len(finite(missed_by)),
            why="each round of three routers adds 3",
        ),
        Question(
            "q5",
            "Which of r1, r2 and r3 is the first whose metric becomes 16 because it counted that far?",
            lambda: min(TO_ENDS, key=lambda host: changes()[host][-1]),
            why="its neighbour said 15",
        ),
    ]


def _story(far: int, missed_by: str, other: str) -> str:
    return (
        f"r1, r2 and r3 are all joined to each other; r4 is joined to r3 alone, and says at first that it reaches "
        f"{BEYOND} at {far}. All follow the handout, split horizon with poisoned reverse and triggered updates "
        f"included. When everything has settled, r4 says that {BEYOND} is lost. r3 passes that on at once; {other} "
        f"hears it, {missed_by} does not, for just then the link between r3 and {missed_by} is cut. While it is, all "
        f"make one regular announcement, and so {other} hears from {missed_by}. Then the link mends, long before "
        f"anybody takes it for failed."
    )


def _changes(told: list[tuple[FrameEvent, Vector]]) -> Changes:
    """When a router came to say another metric to `BEYOND`, and which."""
    metrics = [(frame.at, metric(vector, BEYOND)) for frame, vector in told]
    later = [now for before, now in pairwise(metrics) if before[1] != now[1]]
    return [each for each in (*metrics[:1], *later) if each[1] < INFINITY or each[0]]


# Step 6: what is wrong here? ------------------------------------------------------------------------------------------

DEFECTS = {
    "ageless": "The time to live of packets does not fall.",
    "reborn": "A router sets the time to live of packets anew.",
    "echo": "A route is announced as finite on the link through which it goes.",
    "optimist": "A route is still announced, or used, though the one it goes through has long said that it is worse.",
    "deaf": "A nearer way is not taken.",
    "free-links": "A link costs nothing.",
    "fickle": "A way that is only as good is taken instead of the one in use.",
    "beyond-infinity": "A metric goes beyond 16.",
    "credulous": "A router learns its own networks from others.",
    "silent": "A router does not announce itself in every period.",
}
