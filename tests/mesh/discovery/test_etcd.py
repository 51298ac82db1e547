"""What etcd says through its gateway, read however it is cut, and whatever it may be."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.discovery.etcd import _below, _instance, _is_news, _Lines
from mesh.discovery.registry.wire import as_json, build_json
from mesh.instances import Instance

CREATED = b'{"result":{"header":{"revision":"7"},"created":true}}\n'
CHANGED = b'{"result":{"header":{"revision":"8"},"events":[{"kv":{}}]}}\n'
CANCELLED = b'{"result":{"created":true,"canceled":true,"compact_revision":"6"}}\n'
A1 = Instance("players", "a1", "10.0.0.2", 8080, {"zone": "eu"})


def chunked(*parts: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


@given(st.lists(st.integers(1, 400)))
def test_a_watch_is_read_however_it_is_cut(cuts: list[int]) -> None:
    data, lines = chunked(CREATED[:20], CREATED[20:] + CHANGED[:9], CHANGED[9:]), _Lines()
    news = []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        lines.feed(data[begin:end])
        news += map(_is_news, lines)
    assert news == [False, True]


def test_a_watch_that_begins_too_early_is_news() -> None:
    assert _is_news(json.loads(CANCELLED))
    with pytest.raises(ValueError, match="no such key"):
        _is_news({"error": "no such key"})


def test_a_prefix_ends_before_its_last_letters_next() -> None:
    keys = {key: base64.b64decode(str(value)) for key, value in _below("/services/players/").items()}
    assert keys == {"key": b"/services/players/", "range_end": b"/services/players0"}


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner)))
def test_what_is_no_instance_is_none(value: object) -> None:
    key = base64.b64encode(b"/services/players/a1").decode()
    entry = {"key": key, "value": base64.b64encode(json.dumps(value).encode()).decode()}
    assert [_instance("players", each) for each in (value, {"key": value, "value": value}, entry)] == [None] * 3
    assert _instance("players", entry | {"value": base64.b64encode(build_json(as_json(A1))).decode()}) == A1
