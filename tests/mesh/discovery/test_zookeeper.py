"""What Nerve writes is read, and what is written Nerve's readers read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.discovery.zookeeper import NotANode, build_node, parse_node
from mesh.instances import Instance

TEXTS = st.text(max_size=10)


def test_a_node_is_nerves() -> None:
    instance = Instance("players", "a1", "10.0.0.2", 8080, {"zone": "eu"})
    assert json.loads(build_node(instance)) == {
        "host": "10.0.0.2",
        "port": 8080,
        "name": "a1",
        "labels": {"zone": "eu"},
    }
    nerves = b'{"host":"10.0.0.2","port":8080,"name":"i-4","weight":1,"haproxy_server_options":"","labels":null}'
    assert parse_node("players", nerves) == Instance("players", "i-4", "10.0.0.2", 8080)


@given(st.builds(Instance, st.just("players"), TEXTS, TEXTS, st.integers(1, 65535), st.dictionaries(TEXTS, TEXTS)))
def test_a_node_is_read_as_it_was_written(instance: Instance) -> None:
    assert parse_node("players", build_node(instance)) == instance


@given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_none(data: bytes) -> None:
    with pytest.raises(NotANode):
        parse_node("players", data)
