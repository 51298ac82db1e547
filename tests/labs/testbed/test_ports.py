"""The judge's ends of application ports, held against a model that is a few lines of arithmetic."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from labs.story.trace import PortEvent, Recorder, Trace
from labs.testbed.channel import Consumed, Offer
from labs.testbed.ports import JudgesEnd
from labs.testbed.scene import Offering, Port, Reader

times = st.integers(0, 1000)
pauses = st.lists(st.tuples(times, st.integers(1, 300)).map(lambda p: (p[0], p[0] + p[1])), max_size=4).map(tuple)
readers = st.builds(Reader, every=st.integers(0, 100), pauses=pauses)

AT_ONCE = Reader()


class Watched:
    """A judge's end, the events at it, and what it told the program and when; moved on as `sim` moves it."""

    def __init__(self, offers: Sequence[Offering] = (), reader: Reader = AT_ONCE, enough: int | None = None) -> None:
        self.trace = Trace(scene="s", seed=1, testbed="sim")
        port = Port(host="a", offers=tuple(offers), reader=reader, enough=enough)
        self.end = JudgesEnd(port, 7, Recorder(self.trace))
        self.told: list[tuple[int, Offer | Consumed]] = []

    def until(self, time: int) -> None:
        """Let everything happen that is due up to `time`."""
        now = 0
        while (due := self.end.next_due()) is not None and due <= time:
            now = max(now, due)
            messages = list(self.end.advance(now=now))
            self.told += [(now, message) for message in messages]

    def play(self, asks: Sequence[int], deliveries: Sequence[int]) -> None:
        """The program asks, and delivers its n-th payload, at these times."""
        for time, asking in sorted([(time, True) for time in asks] + [(time, False) for time in deliveries]):
            self.until(time - 1)
            if asking:
                self.end.ask()
            else:
                self.end.deliver(b"%d" % len(self.times("delivered")), now=time)
            self.told += [(time, message) for message in self.end.advance(now=time)]
        self.until(10**6)

    def times(self, what: str) -> list[int]:
        return [event.at for event in self.trace.at_port(what, "a")]


def free(reader: Reader, earliest: int) -> int:
    """The model of pauses: step by step."""
    while any(begin <= earliest < end for begin, end in reader.pauses):
        earliest += 1
    return earliest


@given(readers, times)
def test_a_reader_never_reads_in_a_pause_and_never_waits_longer(reader: Reader, earliest: int) -> None:
    assert reader.may_read_at(earliest) == free(reader, earliest)


@given(readers, st.lists(times, max_size=20))
def test_the_reader_keeps_its_pace(reader: Reader, deliveries: list[int]) -> None:
    watched = Watched(reader=reader)
    watched.play([], deliveries)
    expected: list[int] = []
    for delivered in sorted(deliveries):
        expected.append(free(reader, max(delivered, expected[-1] + reader.every) if expected else delivered))
    assert watched.times("consumed") == expected
    assert watched.told == [(at, Consumed(7, total)) for total, at in enumerate(expected, 1)]


@given(st.lists(times, max_size=20), st.lists(times, max_size=20))
def test_an_offer_is_taken_once_it_is_there_and_asked_for(offers: list[int], asks: list[int]) -> None:
    watched = Watched([Offering(b"%d" % number, at) for number, at in enumerate(offers)])
    watched.play(asks, [])
    in_order = sorted(range(len(offers)), key=lambda number: offers[number])
    taken = [max(offers[number], asked) for number, asked in zip(in_order, sorted(asks), strict=False)]
    assert watched.times("offered") == sorted(offers)
    assert watched.times("taken") == taken
    assert watched.told == [(at, Offer(7, b"%d" % number)) for at, number in zip(taken, in_order, strict=False)]


@given(readers, st.lists(times, max_size=10), st.lists(times, max_size=10), st.lists(times, max_size=10))
def test_payloads_are_numbered_from_one_in_each_direction(
    reader: Reader, offers: list[int], asks: list[int], deliveries: list[int]
) -> None:
    watched = Watched([Offering(b"offer", at) for at in offers], reader)
    watched.play(asks, deliveries)
    for what in ("offered", "taken", "delivered", "consumed"):
        events: list[PortEvent] = watched.trace.at_port(what, "a")
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        assert [event.at for event in events] == sorted(event.at for event in events)


def test_what_is_due_at_once_is_due_now_and_nothing_is_due_where_only_the_program_can_act() -> None:
    watched = Watched([Offering(b"x", 5)])
    assert watched.end.next_due() == 5
    watched.until(5)
    assert watched.end.next_due() is None
    watched.end.ask()
    assert watched.end.next_due() is not None
    assert list(watched.end.advance(now=6)) == [Offer(7, b"x")]
    assert watched.end.next_due() is None


def test_enough_counts_what_has_been_read() -> None:
    watched = Watched(reader=Reader(every=10), enough=2)
    watched.end.deliver(b"one", now=0)
    watched.end.deliver(b"two", now=0)
    watched.until(9)
    assert not watched.end.satisfied
    watched.until(10)
    assert watched.end.satisfied


def test_a_port_that_never_says_enough_is_never_satisfied() -> None:
    watched = Watched()
    watched.play([], [0, 0])
    assert not watched.end.satisfied
