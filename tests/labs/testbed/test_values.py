"""Values on their way to a student's function and back: what comes out is what went in, or one error."""

import json
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.testbed.program.values import DEEPEST, Seen, Stored, ValueTravelError, pack, unpack

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
hashable = scalars | st.binary() | st.tuples(scalars, scalars) | st.ip_addresses(v=4)
values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashable, inner, max_size=4)
    ),
    max_leaves=20,
)
# What a hostile process may send instead: JSON that looks like ours.
tags = st.sampled_from(["bytes", "tuple", "dict", "stored", "object", "address", "network", "other"])
forged = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(tags | st.text(), inner, max_size=2),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    """Equality that tells 1, 1.0 and True apart."""
    return repr(one) == repr(other)


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    travelled = unpack(json.loads(json.dumps(pack(value))))
    assert same(travelled, value)


@given(forged)
def test_forged_values_raise_one_error(packed: Any) -> None:
    with suppress(ValueTravelError):
        assert repr(unpack(packed)), "whatever it is, it can be shown"


@pytest.mark.parametrize("depth", [10_000, 100_000])
def test_depth_without_end_raises_it_too(depth: int) -> None:
    packed: Any = None
    for _ in range(depth):
        packed = {"tuple": [packed]}
    with pytest.raises(ValueTravelError):
        unpack(packed)


def test_a_value_too_deep_is_not_sent() -> None:
    value: list[Any] = []
    for _ in range(DEEPEST + 1):
        value = [value]
    with pytest.raises(ValueTravelError, match="too deeply"):
        pack(value)


def test_a_value_that_contains_itself_is_not_sent() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueTravelError, match="too deeply"):
        pack(value)


@dataclass(frozen=True)
class Frame:
    kind: str
    number: int
    _secret: int = 0


class Plain:
    def __init__(self) -> None:
        self.name, self._hidden = "x", "y"


def test_objects_arrive_as_their_class_and_public_attributes() -> None:
    assert unpack(pack(Frame("data", 3))) == Seen("Frame", {"kind": "data", "number": 3})
    assert unpack(pack([Plain()])) == [Seen("Plain", {"name": "x"})]


class Colour(Enum):
    RED = 1


def test_a_member_of_an_enumeration_arrives_by_its_name() -> None:
    assert unpack(pack(Colour.RED)) == Seen("Colour.RED", {})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_has_no_word_for_are_seen_by_name(value: float) -> None:
    assert unpack(pack(value)) == Seen(str(value), {})


def test_a_stored_object_is_named_on_one_side_and_found_on_the_other() -> None:
    packed = pack([Stored("decoder")])
    assert unpack(packed) == [Stored("decoder")]
    assert unpack(packed, {"decoder": 42}.__getitem__) == [42]
    with pytest.raises(ValueTravelError):
        unpack(packed, {}.__getitem__)
