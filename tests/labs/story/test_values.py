"""How values of a student's program are shown: bounded, and with the difference where a reader looks for it."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from labs.story.values import rows, shown, side_by_side, written_out
from labs.testbed.program.values import Seen, Stored

NETWORK = IPv4Network("10.2.0.0/16")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\x02players" + bytes(9), "<02 70 6c 61 79 65 72 73 00 ×9>"),
        (bytes(range(32)), "<00 01 02 03 04 05 06 07 08 09 0a 0b … 1c 1d 1e 1f (32 bytes)>"),
        ({NETWORK: 1, IPv4Network("10.1.0.0/16"): [IPv4Address("10.1.0.1")]},
         "{10.1.0.0/16: [10.1.0.1], 10.2.0.0/16: 1}"),
        ({"b": 1, 2: "a"}, "{'b': 1, 2: 'a'}"),
        (Seen("Status.UP", {}), "Status.UP"),
        ([Stored("Ack(1, 2)"), Seen("Entry", {"network": NETWORK, "metric": 3})],
         "[Ack(1, 2), Entry(network=10.2.0.0/16, metric=3)]"),
    ],
)  # fmt: skip
def test_a_value_on_one_line(value: object, text: str) -> None:
    assert shown(value) == text


def test_bytes_stand_above_each_other_where_they_begin_to_differ() -> None:
    right = bytes(40) + b"Ada Lovelace" + bytes(60)
    wrong = bytes(40) + b"Ada lovelace" + bytes(60)
    assert side_by_side(wrong, right) == [
        "it returned 112 bytes; from byte 16 on:",
        "  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................",
        "  00 00 00 00 00 00 00 00 41 64 61 20 6c 6f 76 65  ........Ada love",
        "  6c 61 63 65 00 00 00 00 00 00 00 00 00 00 00 00  lace............",
        "it should return 112 bytes; from byte 16 on:",
        "  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................",
        "  00 00 00 00 00 00 00 00 41 64 61 20 4c 6f 76 65  ........Ada Love",
        "  6c 61 63 65 00 00 00 00 00 00 00 00 00 00 00 00  lace............",
        "they differ from byte 44 on: 6c where 4c should be",
    ]


@pytest.mark.parametrize(
    ("found", "expected", "says"),
    [
        (2, 3, []),
        ({NETWORK: 0}, {NETWORK: 1}, []),
        ({n: n for n in range(20)}, {n: n for n in range(21)}, ["they differ at 20: nothing where 20 should be"]),
        ([*range(30), 7], range(31), []),
        (list(range(30)), [*range(29), 7], ["they differ from item 29 on: 29 where 7 should be"]),
        (list(range(30)), list(range(31)), ["it has 30 items where 31 should be"]),
    ],
)
def test_a_difference_that_is_hard_to_see_is_pointed_at(found: object, expected: object, says: list[str]) -> None:
    assert side_by_side(found, expected)[2:] == says


def test_a_row_is_as_wide_as_it_must_be() -> None:
    assert list(rows(b"~Ada")) == ["7e 41 64 61  ~Ada"]
    assert written_out(b"\x00Ada Love") == "9 bytes:\n  00 41 64 61 20 4c 6f 76 65  .Ada Love"
    assert written_out([1]) == "[1]"
