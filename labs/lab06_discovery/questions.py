"""Lab 6's questions: how long each of the old ways is stale after a move, and how long a death takes to be known."""

import random
from collections.abc import Callable
from functools import cache, partial

from labs.lab06_discovery.evidence import arrived, lists, named
from labs.lab06_discovery.scenes import Chain, Move
from labs.questions import Play, Question
from labs.story.trace import Trace
from netstack.wire import SECOND

# Step 1: three old ways, and a move -----------------------------------------------------------------------------------

SORRY = b"again later"
ASKED_BY_DNS = b"\x07players\x04town\x00\x00\x01"
"""What a question for the address of players.town looks like in a datagram."""


def _uneven(source: random.Random, low: int, high: int) -> int:
    """A number of seconds between these that no question falls on, for they come each five."""
    return source.choice([seconds for seconds in range(low, high) if seconds % 5])


def moved(key: str) -> Move:
    """The move that the student with `key` is asked about."""
    source = random.Random(f"step 1 {key}")
    moves = source.randint(60, 90) + 0.5
    names = moves + source.randint(12, 60)
    edits = names + source.randint(20, 90)
    fall = source.randint(2, 3)
    return Move(
        moves=moves,
        names=names,
        edits=edits,
        changes=edits + source.randint(70, 90),
        ttl=_uneven(source, 21, 70),
        negative=_uneven(source, 16, 60),
        interval=source.randint(4, 9),
        rise=fall + source.randint(1, 3),
        fall=fall,
        until=edits + 180,
    )


def predict_1(key: str, play: Play) -> list[Question]:
    """For how long each way goes to where nobody is any more."""
    move = moved(key)
    trace = cache(partial(play, move.scene("prediction-move")))
    return [*_about_the_move(move, trace), *_about_the_port(move, trace)]


def _sorry(trace: Trace, way: str, begin: float, end: float) -> int:
    """How many heard that there is no answer, between two times."""
    events = trace.at_port("delivered", "a", way)
    return sum(begin < event.at / SECOND < end and SORRY in event.payload for event in events)


def _first_answer(trace: Trace, way: str, begin: float) -> float:
    """When the first answer came after `begin`, in seconds."""
    events = trace.at_port("delivered", "a", way)
    return next(e.at / SECOND for e in events if e.at / SECOND > begin and SORRY not in e.payload)


def _about_the_move(move: Move, trace: Callable[[], Trace]) -> list[Question]:
    return [
        Question(
            "q1",
            f"At {move.moves} s *players* is killed at p1, and begins at p2. Somebody edits the hosts file at "
            f"{move.edits} s. How many of the questions by that way have no answer until then?",
            lambda: _sorry(trace(), "hosts", move.moves, move.edits + 1),
            why="all: a file is as stale as the last round of copying",
        ),
        Question(
            "q2",
            f"Records have a TTL of {move.ttl} s. The old one is taken out of the zone when *players* moves, the new "
            f"one put in at {move.names} s; that there is no such name may be remembered for {move.negative} s. At "
            "which time is the first question by DNS answered again?",
            lambda: _first_answer(trace(), "dns", move.moves),
            tolerance=2.5,
            why="the first question after what was remembered, be it a yes or a no, has run out",
        ),
        Question(
            "q3",
            f"How many times has that resolver asked the name server for players.town by {move.changes} s?",
            lambda: sum(
                ASKED_BY_DNS in frame.data for frame in trace().frames("a-r", "udp") if frame.at < move.changes * SECOND
            ),
            why="once, and then with the first question after each answer's time",
        ),
        Question(
            "q4",
            f"The balancer checks both machines at 0.25 s and then each {move.interval} s; {move.fall} failures in a "
            f"row take one out, {move.rise} successes in a row put one in. How many of the questions by that way have "
            f"no answer, from the move to {move.changes} s?",
            lambda: _sorry(trace(), "balancer", move.moves, move.changes),
            why="until p1 is out nobody else is in: it takes as many checks as a success needs, from the move on",
        ),
    ]


def _about_the_port(move: Move, trace: Callable[[], Trace]) -> list[Question]:
    def found() -> str:
        ways = ("balancer", "dns", "hosts", "srv")
        return " ".join(way for way in ways if _answers_after(trace(), way, move.changes))

    return [
        Question(
            "q5",
            f"At {move.changes} s *players* goes to port 9090, at p2 still, and the SRV record says so at once. Which "
            "of the four ways (balancer, dns, hosts, srv) find it there, sooner or later? In alphabetical order, "
            "with a space between them.",
            found,
            why="an address has no port. That everybody listens on 8080 is a convention, and conventions tell nobody",
        ),
        Question(
            "q6",
            "How many of the questions by SRV have no answer after that?",
            lambda: _sorry(trace(), "srv", move.changes, move.until),
            why="until the TTL of the SRV record that was asked for last has run out",
        ),
    ]


def _answers_after(trace: Trace, way: str, begin: float) -> bool:
    events = trace.at_port("delivered", "a", way)
    return any(event.at / SECOND > begin and SORRY not in event.payload for event in events)


# Step 7: how stale is stale -------------------------------------------------------------------------------------------

SWEEP = 60


def chained(key: str) -> Chain:
    """The death that the student with `key` is asked about."""
    source = random.Random(f"step 7 {key}")
    return Chain(
        registered=float(source.randint(6, 24)),
        dies=source.randint(95, 170) + 0.5,
        first_copy=float(source.randint(3, 27)),
        first_asked=source.randint(3, 27) + 0.5,
    )


def predict_7(key: str, play: Play) -> list[Question]:
    """Each term of the sum by itself, and then the worst case."""
    chain = chained(key)
    trace = cache(partial(play, chain.scene("prediction-chain")))
    return [*_about_the_chain(chain, trace), *_about_the_worst(key)]


def _gone_from(found: list[tuple[float, list[str]]]) -> float:
    """When a list came for the first time without the dead one, after it had been there."""
    there = [at for at, names in found if "dies" in names]
    return next(at for at, names in found if at > there[-1] and "dies" not in names)


def _copies(trace: Trace) -> list[tuple[float, list[str]]]:
    """What the copy got from the registry, and when."""
    answers = [(at, frame.data) for at, frame in arrived(trace, "lb", "answer")]
    return [(at, ["dies"] if b'"dies"' in data else []) for at, data in answers]


def _about_the_chain(chain: Chain, trace: Callable[[], Trace]) -> list[Question]:
    def last_renewal() -> float:
        return max(at for at, frame in arrived(trace(), "reg", "renew") if named(frame) == "dies")

    def swept() -> float:
        """The sweep is the last one before the first copy without it."""
        gone = _gone_from(_copies(trace()))
        return max(at for at in range(SWEEP, int(gone) + 1, SWEEP))

    return [
        Question(
            "q1",
            f"Eight instances; the first registers at 0 s, so the registry sweeps at 60, 120, 180 s and so on. One, "
            f"called *dies*, registers at {chain.registered:.0f} s, renews each 30 s, and dies at {chain.dies} s. When "
            "does it renew for the last time?",
            last_renewal,
            tolerance=1,
            why="each 30 s from its registration on",
        ),
        Question(
            "q2",
            f"Its lease lasts for {chain.duration:.0f} s, as Eureka's really do. Which sweep takes it out (at which "
            "time)?",
            swept,
            tolerance=1,
            why="the first one for which the lease has run out; a sweep that comes a second too early misses it",
        ),
        Question(
            "q3",
            f"A copy of the registry is made at {chain.first_copy:.0f} s and then each {chain.copied:.0f} s. From when "
            "on does the copy know?",
            lambda: _gone_from(_copies(trace())),
            tolerance=1,
            why="the first copy after the sweep",
        ),
        Question(
            "q4",
            f"A client asks the copy at {chain.first_asked} s and then each {chain.asked:.0f} s. When does it know?",
            lambda: _gone_from(lists(trace())),
            tolerance=1,
            why="the first time it asks after that",
        ),
    ]


def _about_the_worst(key: str) -> list[Question]:
    source = random.Random(f"step 7, the worst, {key}")
    renewed, lease, sweep, copied, asked = (
        source.randint(3, 12),
        source.randint(20, 45),
        source.randint(6, 25),
        source.randint(4, 15),
        source.randint(4, 15),
    )
    threshold, renewals = source.choice((0.7, 0.75, 0.8, 0.9, 0.95)), source.randint(2, 4)
    return [
        Question(
            "q5",
            f"Somebody else's registry: leases last for {lease} s and are renewed each {renewed} s; it sweeps each "
            f"{sweep} s, is copied each {copied} s, and clients ask the copy each {asked} s. For how many seconds, at "
            "most, does a client believe in somebody who is dead? (Travelling takes no time.)",
            lease + sweep + copied + asked,
            why="it dies right behind a renewal, the lease runs out right behind a sweep, and so on: the terms add up",
        ),
        Question(
            "q6",
            f"And it preserves itself: it takes nobody out at a sweep if int({threshold} · n · {renewals}) renewals or "
            f"fewer have come, of {renewals} from each of n instances. One of them dies; all others renew in time. How "
            "large must n be, at least, so that it is taken out?",
            _least(threshold, renewals),
            why="below that, one that is missing is more than the share that may be missing",
        ),
    ]


def _least(threshold: float, renewals: int) -> int:
    """The smallest number of instances of which one may be missed."""
    return next(n for n in range(2, 1000) if (n - 1) * renewals > int(threshold * n * renewals))


# Step 8: what is wrong here? ------------------------------------------------------------------------------------------

DEFECTS = {
    "living-forgotten": "A renewal is acknowledged, and prolongs nothing.",
    "dead-for-ever": "Whoever falls silent is never taken out.",
    "one-is-enough": "Whoever fits one attribute of a query is found, whatever the others say.",
    "status-ignored": "Whoever says that it is out of service is found all the same.",
    "believes-the-cut": "The registry takes out whoever cannot reach it, however many they are.",
    "fewest-of-all": "The balancer picks the least loaded of all, and not of two.",
    "silence-is-nobody": "When the registry does not answer, nobody is believed to be there.",
    "nobody-is-believed": "A registry that has just come back, and knows nobody yet, is believed.",
    "calls-the-dead": "Where nobody has answered, somebody is called again at once.",
    "registry-stormed": "While the registry does not answer, the pause between two questions does not grow.",
}
