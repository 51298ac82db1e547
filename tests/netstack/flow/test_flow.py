"""Flow control against a wire that loses, doubles and reorders, with readers of every pace: in virtual time."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netstack.flow import stop_and_wait, window
from netstack.flow.credit import Granter, Spender
from netstack.flow.messages import Ack, Addressed, Data, Message, MessageError, Probe
from netstack.flow.sequence import MODULUS, add, before, distance

NUMBERS = st.integers(0, MODULUS - 1)


@given(NUMBERS, st.integers(1, 2**31 - 1))
def test_numbers_wrap(number: int, ahead: int) -> None:
    assert distance(number, add(number, ahead)) == ahead
    assert before(number, add(number, ahead))
    assert not before(add(number, ahead), number)


MESSAGES = st.one_of(
    st.builds(Data, NUMBERS, st.binary(max_size=100)),
    st.builds(Ack, NUMBERS, st.integers(0, 65535)),
    st.builds(Probe, NUMBERS),
)


@given(MESSAGES, st.integers(0, 255), st.binary(max_size=46))
def test_a_frame_reads_back_and_padding_is_ignored(message: Message, flow: int, padding: bytes) -> None:
    addressed = Addressed(b"\x02\x00\x00\x00\x02\x00", b"\x02\x00\x00\x00\x01\x00", message, flow)
    assert Addressed.parse(addressed.build() + padding) == addressed


@given(st.binary(max_size=80))
def test_reading_a_frame_raises_one_error_only(noise: bytes) -> None:
    for frame in (noise, bytes(12) + b"\x88\xb5" + noise):
        try:
            Addressed.parse(frame)
        except MessageError:
            pass


class TestStopAndWait:
    def test_the_next_message_waits_for_the_last(self) -> None:
        sender = stop_and_wait.Sender(timeout=1.0)
        first = sender.send(b"one", now=0.0)
        with pytest.raises(stop_and_wait.Busy):
            sender.send(b"two", now=0.1)
        assert sender.receive(Ack(first.number ^ 1), now=0.2)
        assert sender.send(b"two", now=0.3).number != first.number

    def test_it_repeats_until_acknowledged_and_not_longer(self) -> None:
        sender = stop_and_wait.Sender(timeout=1.0)
        first = sender.send(b"one", now=0.0)
        assert sender.handle_timer(now=0.9) is None
        assert sender.handle_timer(now=1.0) == first
        assert sender.next_timer() == 2.0
        sender.receive(Ack(1), now=1.5)
        assert sender.next_timer() is None

    def test_an_old_acknowledgement_frees_nothing(self) -> None:
        sender = stop_and_wait.Sender(timeout=1.0)
        sender.send(b"one", now=0.0)
        sender.receive(Ack(1), now=0.1)
        sender.send(b"two", now=0.2)
        assert not sender.receive(Ack(1), now=0.3)
        assert not sender.may_send()

    def test_the_receiver_acknowledges_what_was_consumed(self) -> None:
        receiver = stop_and_wait.Receiver()
        assert receiver.receive(Data(0, b"one")) == b"one"
        assert receiver.ack() is None
        assert receiver.receive(Data(0, b"one")) is None
        receiver.consumed()
        assert receiver.ack() == Ack(1)
        assert receiver.receive(Data(0, b"one")) is None
        assert receiver.ack() == Ack(1)  # the repeat is answered again: our answer may have been lost


class TestWindow:
    def test_it_sends_as_many_as_the_window_has_room_for(self) -> None:
        sender = window.Sender(size=3, timeout=1.0)
        assert [sender.send(b"x", now=0).number for _ in range(3)] == [0, 1, 2]
        with pytest.raises(window.WindowFull):
            sender.send(b"x", now=0)
        assert sender.receive(Ack(2), now=0.5) == 2
        assert sender.in_flight == 1

    def test_only_the_oldest_is_sent_again(self) -> None:
        sender = window.Sender(size=3, timeout=1.0)
        sent = [sender.send(b"x", now=0.1 * n) for n in range(3)]
        assert sender.handle_timer(now=1.0) == sent[0]
        assert sender.handle_timer(now=1.5) is None

    @pytest.mark.parametrize("number", [4, 2**32 - 1, 0])
    def test_an_acknowledgement_for_nothing_changes_nothing(self, number: int) -> None:
        sender = window.Sender(size=3, timeout=1.0)
        sender.send(b"x", now=0)
        assert sender.receive(Ack(number), now=0.5) == 0
        assert sender.next_timer() == 1.0

    @given(st.lists(st.integers(0, 30), max_size=200), NUMBERS)
    def test_whatever_arrives_is_handed_over_once_and_in_order(self, arrivals: list[int], first: int) -> None:
        receiver = window.Receiver(size=8, first=first)
        handed = [p for n in arrivals for p in receiver.receive(Data(add(first, n), b"%d" % n))]
        assert handed == [b"%d" % n for n in range(len(handed))]


@dataclass
class Conversation:
    """A whole conversation over a bad wire with a moody reader, played in steps of 50 ms."""

    seed: int
    first: int
    messages: int
    capacity: int
    now: float = 0.0
    sent: int = 0
    beyond: int = 0
    """How far the sender went beyond what was granted."""
    most_waiting: int = 0
    """The most messages that waited at the receiver."""
    queue: list[bytes] = field(default_factory=list)
    read: list[bytes] = field(default_factory=list)
    wire: list[tuple[float, int, Message]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.sender = window.Sender(size=16, timeout=1.0, first=self.first)
        self.spender = Spender(probe_after=2.0, limit=add(self.first, self.capacity))
        self.receiver = window.Receiver(size=16, first=self.first)
        self.granter = Granter(capacity=self.capacity, first=self.first)

    def play(self) -> None:
        while len(self.read) < self.messages and self.now < 4000:
            self.send()
            self.now += 0.05
            self.arrive()
            self.most_waiting = max(self.most_waiting, len(self.queue) + len(self.receiver._early))
            self.consume()
            for again in (self.sender.handle_timer(now=self.now), self.spender.handle_timer(now=self.now)):
                if again is not None:
                    self.put(again)

    def put(self, message: Message) -> None:
        """Onto the wire, which loses a fifth, doubles a twentieth, and reorders."""
        for _ in range(self.draw.choices((0, 1, 2), (20, 75, 5))[0]):
            self.wire.append((self.now + self.draw.uniform(0.01, 0.5), len(self.wire), message))

    def send(self) -> None:
        sender, spender = self.sender, self.spender
        while self.sent < self.messages and sender.may_send() and spender.may_send(sender.next_number):
            self.put(sender.send(b"%d" % self.sent, now=self.now))
            self.sent += 1
            self.beyond = max(self.beyond, self.sent - len(self.read) - self.capacity)
        if self.sent < self.messages and not sender.in_flight and not spender.may_send(sender.next_number):
            spender.blocked(now=self.now)

    def arrive(self) -> None:
        due = sorted((arrival for arrival in self.wire if arrival[0] <= self.now), key=lambda arrival: arrival[0])
        self.wire = [arrival for arrival in self.wire if arrival[0] > self.now]
        for _, _, message in due:
            match message:
                case Data():
                    self.queue += self.receiver.receive(message)
                    self.put(self.granter.ack(self.receiver.wanted))
                case Probe():
                    self.put(self.granter.ack(self.receiver.wanted))
                case Ack():
                    self.sender.receive(message, now=self.now)
                    self.spender.receive(message)

    def consume(self) -> None:
        eagerness = 0.02 if int(self.now) % 20 < 10 else 0.7
        if self.queue and self.draw.random() < eagerness:
            self.read.append(self.queue.pop(0))
            self.granter.consumed(len(self.read))
            if self.granter.worth_telling():
                self.put(self.granter.ack(self.receiver.wanted))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0, MODULUS - 5, MODULUS // 2 - 3]), st.integers(1, 8))
def test_a_conversation_survives_a_bad_wire_and_a_moody_reader(seed: int, first: int, capacity: int) -> None:
    talk = Conversation(seed, first, 40, capacity)
    talk.play()
    assert talk.read == [b"%d" % n for n in range(40)]
    assert talk.beyond <= 0, "the sender went beyond what was granted"
    assert talk.most_waiting <= capacity, "more waited at the receiver than it had room for"


def test_a_probe_comes_at_doubling_distance() -> None:
    spender = Spender(probe_after=1.0, limit=5)
    spender.blocked(now=0.0)
    times = []
    while len(times) < 8:
        now = spender.next_timer()
        assert now is not None
        assert spender.handle_timer(now=now) == Probe(5)
        times.append(now)
    assert times == [1, 3, 7, 15, 31, 63, 123, 183]


def test_a_late_acknowledgement_takes_no_credit_back() -> None:
    spender = Spender(probe_after=1.0, limit=4)
    spender.receive(Ack(3, 4))
    spender.receive(Ack(2, 2))
    assert spender.limit == 7
