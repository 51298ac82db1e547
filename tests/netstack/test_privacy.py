"""Privacy: what was sealed opens once, for its context, from its sender, whatever the wire does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cryptography", reason="the package `cryptography` is installed only for the elective")

from netstack.privacy import WINDOW, Opener, RefusedError, Sealer

KEY = bytes(range(32))
A, B = bytes((2, 0, 0, 0, 1, 0)), bytes((2, 0, 0, 0, 2, 0))
CONTEXT = b"\3\1"


def refuses(opener: Opener, sealed: bytes, *, source: bytes = A, context: bytes = CONTEXT) -> bool:
    try:
        opener.open(source, sealed, context)
    except RefusedError:
        return True
    return False


def test_the_handouts_example() -> None:
    sealed = Sealer(KEY, A).seal(b"Herons", CONTEXT)
    assert sealed.hex(" ") == "00 00 00 00 00 01 90 d4 81 06 16 b2 17 ed b5 21 94 df 20 b9 0a 79 1e 42 df 9a 85 4e"


@given(st.binary(max_size=80), st.binary(max_size=8))
def test_what_was_sealed_opens_once(data: bytes, context: bytes) -> None:
    opener = Opener(KEY)
    sealed = Sealer(KEY, A).seal(data, context)
    assert opener.open(A, sealed, context) == data
    assert refuses(opener, sealed, context=context)


@given(st.binary(max_size=40), st.data())
def test_one_bit_changed_anywhere_and_it_stays_shut_but_the_real_one_opens(said: bytes, data: st.DataObject) -> None:
    opener = Opener(KEY)
    sealed = Sealer(KEY, A).seal(said, CONTEXT)
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    altered = bytearray(sealed)
    altered[bit // 8] ^= 0x80 >> bit % 8
    assert refuses(opener, bytes(altered))
    assert opener.open(A, sealed, CONTEXT) == said


def test_another_key_sender_or_context_does_not_open_it() -> None:
    sealed = Sealer(KEY, A).seal(b"Herons", CONTEXT)
    assert refuses(Opener(KEY[::-1]), sealed)
    assert refuses(Opener(KEY), sealed, source=B)
    assert refuses(Opener(KEY), sealed, context=b"\3\2")


@given(st.binary(max_size=60), st.binary(max_size=10))
def test_the_opener_raises_exactly_one_error(sealed: bytes, source: bytes) -> None:
    assert refuses(Opener(KEY), sealed, source=source)


@given(st.lists(st.integers(1, 200), max_size=120))
def test_the_window_takes_each_once_and_only_the_newest(order: list[int]) -> None:
    """Against the plain definition: not seen before, and less than 64 behind the highest so far."""
    sealer, opener = Sealer(KEY, A), Opener(KEY)
    sealed = [sealer.seal(b"", CONTEXT) for _ in range(200)]
    seen: set[int] = set()
    for counter in order:
        expected = counter not in seen and counter > max(seen, default=0) - WINDOW
        assert refuses(opener, sealed[counter - 1]) is not expected
        if expected:
            seen.add(counter)


def test_each_sender_has_a_window_of_its_own() -> None:
    opener = Opener(KEY)
    for sender in (A, B):
        assert opener.open(sender, Sealer(KEY, sender).seal(b"first", CONTEXT), CONTEXT) == b"first"
