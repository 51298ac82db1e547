"""Two ends and a bad wire: whatever it does, short of never letting anything through, both streams arrive whole."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netstack.packets.tcp import FIN, RST, SYN, Tcp
from netstack.tcp import Cubic, NewReno, Settings, State
from netstack.wire import MILLISECOND, Profile
from tests.netstack.tcp.network import Dialogue, noise
from tests.netstack.tcp.test_hardening import recount

OPTIONS = ("timestamps", "sack", "window_scale", "ecn", "rack", "nagle")


class Watched(Dialogue):
    """Holds every segment against what may be sent at all, and recounts what is under way after each."""

    def __post_init__(self) -> None:
        self._edges = {"a": 0, "b": 0}  # how far each may send, by its position in its own stream
        super().__post_init__()

    def _transmit(self, name: str, segment: Tcp) -> None:
        other = "b" if name == "a" else "a"
        connection = self.end(name)
        assert connection is not None
        sender = connection.sender
        recount(sender.flight, sender.mss)
        if sender.flight and (record := sender.flight.records[-1]).tries == 1 and record.payload is segment.payload:
            pipe, window = sender.flight.pipe(sender.mss), sender.recovery.congestion.window
            assert pipe <= window + record.fin, f"{name} has {pipe} under way, {window} are allowed: {segment}"
        if not segment.flags & (SYN | RST):
            isn, their_isn = self.isn if name == "a" else self.isn[::-1]
            end = (segment.sequence - isn) % 2**32 + len(segment.payload) + bool(segment.flags & FIN)
            if segment.payload or segment.flags & FIN:
                assert end <= self._edges[name], f"{name} sends up to {end}, beyond {self._edges[name]}: {segment}"
            acknowledged = (segment.acknowledgement - their_isn) % 2**32
            edge = acknowledged + (segment.window << connection.receiver.scale)
            self._edges[other] = max(self._edges[other], edge)
        elif segment.flags & SYN:
            self._edges[other] = max(self._edges[other], 1 + segment.window)
        super()._transmit(name, segment)


def talk(dialogue: Dialogue, sizes: tuple[int, int]) -> Dialogue:
    """Both say so much and close; both streams must arrive whole, and both ends end in order."""
    said = {"a": noise(sizes[0], 1), "b": noise(sizes[1], 2)}
    for name, data in said.items():
        dialogue.say(name, data)
        dialogue.close(name)
    dialogue.run()
    assert dialogue.b is not None
    assert bytes(dialogue.received["b"]) == said["a"]
    assert bytes(dialogue.received["a"]) == said["b"]
    assert (dialogue.a.state, dialogue.b.state) == (State.CLOSED, State.CLOSED)
    assert (dialogue.a.failure, dialogue.b.failure) == (None, None)
    return dialogue


ends = st.builds(
    lambda on, buffers, congestion, mss: replace(
        Settings(),
        **dict(zip(OPTIONS, on, strict=True)),
        receive_buffer=buffers[0],
        send_buffer=buffers[1],
        congestion=congestion,
        mss=mss,
    ),
    st.tuples(*[st.booleans()] * len(OPTIONS)),
    st.tuples(st.sampled_from([1500, 6000, 70_000, 300_000]), st.sampled_from([1000, 20_000, 256_000])),
    st.sampled_from([Cubic, NewReno]),
    st.sampled_from([100, 536, 1460]),
)
faults = st.lists(
    st.builds(
        lambda what, way, kind, first, count, amount: f"{what} {way}:{kind}:{first}-{first + count}{amount[what]}",
        st.sampled_from(["drop", "drop", "duplicate", "hold", "flip"]),
        st.sampled_from(["a-b", "b-a"]),
        st.sampled_from(["data", "ack", "fin", "*"]),
        st.integers(1, 60),
        st.integers(0, 4),
        st.builds(
            lambda hold, bit: {"drop": "", "duplicate": "", "hold": f":{hold}ms", "flip": f":{bit}"},
            st.sampled_from([1, 5, 20, 100, 400, 3000]),
            st.integers(14 * 8, 1000),
        ),
    ),
    max_size=8,
)


@given(ends, ends, faults, st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_any_schedule_of_faults(
    one: Settings, other: Settings, script: list[str], sizes: tuple[int, int], isn: int
) -> None:
    profile = Profile(delay=5 * MILLISECOND)
    talk(
        Watched(profile=profile, script=script, a_settings=one, b_settings=other, isn=(isn, 2**32 - 1 - isn // 2)),
        sizes,
    )


@given(ends, ends, st.integers(0, 2**32))
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_a_wire_that_does_everything_by_chance(one: Settings, other: Settings, seed: int) -> None:
    profile = Profile(
        delay=5 * MILLISECOND,
        jitter=MILLISECOND,
        loss=0.05,
        duplicate=0.05,
        corrupt=0.03,
        reorder=0.05,
        rate=20_000_000,
        queue=30,
    )
    talk(Watched(profile=profile, seed=seed, a_settings=one, b_settings=other), (40_000, 20_000))


@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_on_either_side(option: str) -> None:
    profile = Profile(delay=5 * MILLISECOND, loss=0.02, reorder=0.02)
    for ours, theirs in product((True, False), repeat=2):
        one, other = replace(Settings(), **{option: ours}), replace(Settings(), **{option: theirs})
        dialogue = talk(Watched(profile=profile, seed=5, a_settings=one, b_settings=other), (60_000, 60_000))
        if option in ("timestamps", "sack", "ecn"):
            assert getattr(dialogue.a.terms, option) == (ours and theirs)


def test_the_same_seed_gives_the_same_conversation_to_the_last_byte() -> None:
    logs = []
    for _ in range(2):
        dialogue = Dialogue(profile=Profile(delay=MILLISECOND, loss=0.05, reorder=0.05), seed=3)
        talk(dialogue, (100_000, 100_000))
        logs.append(dialogue.log)
    assert logs[0] == logs[1]


def test_half_of_everything_is_lost_and_still() -> None:
    dialogue = talk(Dialogue(profile=Profile(delay=MILLISECOND, loss=0.5), seed=1), (50_000, 50_000))
    assert dialogue.gone > 150


def test_cut_for_a_minute() -> None:
    dialogue = talk(Dialogue(profile=Profile(delay=MILLISECOND), script=["cut a-b:3ms-60s"]), (300_000, 300_000))
    assert 60 < dialogue.now - Settings().time_wait < 120
