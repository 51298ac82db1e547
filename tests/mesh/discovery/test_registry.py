"""The registry: what it is told and asked, what its clients see, and what becomes of both when one of them is away."""

import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mesh.discovery import CannotDiscover, CannotRegister
from mesh.discovery.registry import Desk
from mesh.discovery.registry.store import SqliteStore
from mesh.discovery.registry.wire import (
    Answer,
    NotUnderstood,
    Question,
    build_answer,
    build_question,
    parse_answer,
    parse_question,
)
from mesh.http import Request, Response
from mesh.instances import Instance, NoLease, Status
from mesh.policies.leases import Registry

AtAPlace = Callable[..., AbstractAsyncContextManager]  # type: ignore[type-arg]
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
ATTRIBUTES = st.dictionaries(WORDS, WORDS, max_size=3)
INSTANCES = st.builds(Instance, st.just("players"), WORDS, WORDS, st.integers(1, 65535), ATTRIBUTES)


def instance(name: str, **attributes: str) -> Instance:
    return Instance("players", name, f"10.0.0.{name[1:]}", 8080, attributes)


def names(found: object) -> list[str]:
    return [each.name for each in found.instances]  # type: ignore[attr-defined]


# What is said


@given(st.integers(1, 2**63), st.lists(INSTANCES, max_size=4), st.booleans())
def test_an_answer_is_read_as_it_was_written(index: int, instances: list[Instance], preserving: bool) -> None:
    answer = Answer(index, tuple(instances), preserving)
    assert parse_answer("players", build_answer(answer)) == answer


@given(WORDS, ATTRIBUTES, st.integers(1, 2**63), st.sampled_from([0.0, 0.5, 30.0, 600.0]))
def test_a_question_is_read_as_it_was_written(service: str, query: dict[str, str], index: int, wait: float) -> None:
    question = Question(service, query, index, wait)
    assert parse_question(build_question(question)) == question


@given(
    st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda value: str(value).encode())
)
def test_anything_else_is_not_understood(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        parse_answer("players", body)


# The desk


def desk(**leases: object) -> Desk:
    return Desk(leases=Registry(randomness=random.Random(1), **leases), now=0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "told"),
    [
        ("PUT", "/services/players/a1", b'{"address": "10.0.0.1", "port": 8080}', 204, ""),
        ("PUT", "/services/players/a1", b'{"address": "10.0.0.1"}', 400, "an instance is"),
        ("PUT", "/services/players/a1", b'{"address": "10.0.0.1", "port": 0}', 400, "an instance is"),
        ("PUT", "/services/players/a1", b"{", 400, "not JSON"),
        ("PUT", "/services/players/a1/heartbeat", b"", 404, "a1 of players is not registered"),
        ("DELETE", "/services/players/a1", b"", 404, "a1 of players is not registered"),
        ("PUT", "/services/players/a1/status", b'"TIRED"', 400, "a status is one of UP, DOWN"),
        ("POST", "/services/players/a1", b"", 405, "takes PUT and DELETE"),
        ("GET", "/services", b"", 200, "{}"),
        ("GET", "/services/players?environment=test", b"", 400, "where.environment"),
        ("GET", "/services/players?index=one", b"", 400, "whole number"),
        ("GET", "/services/players?index=1&wait=601", b"", 400, "at most 600"),
        ("GET", "/", b"", 404, "/services"),
    ],
)
def test_what_the_desk_answers(method: str, target: str, body: bytes, status: int, told: str) -> None:
    response = desk().handle(Request(method, target, body=body), now=0.0)
    assert isinstance(response, Response)
    assert response.status == status
    assert told in response.body.decode()


def put(at: Desk, name: str, *more: str, body: bytes = b'{"address": "10.0.0.1", "port": 80}') -> None:
    response = at.handle(Request("PUT", "/".join(("/services/players", name, *more)), body=body), now=1.0)
    assert response == Response(204)


def test_a_question_waits_until_its_own_service_changes() -> None:
    at = desk()
    put(at, "a1")
    asked = Request("GET", f"/services/players?index={at.index}&wait=30")
    question = at.handle(asked, now=2.0)
    assert isinstance(question, Question)
    at.handle(Request("PUT", "/services/teams/b1", body=b'{"address": "10.0.0.9", "port": 80}'), now=2.0)
    put(at, "a1", "heartbeat", body=b"")
    assert not at.has_news(question)
    put(at, "a1", "status", body=b'"DOWN"')
    assert at.has_news(question)
    assert parse_answer("players", at.answer(question).body).instances == ()


def test_who_knows_a_higher_index_is_answered_at_once() -> None:
    response = desk().handle(Request("GET", "/services/players?index=100"), now=0.0)
    assert isinstance(response, Response)
    assert parse_answer("players", response.body).index < 100


def test_a_sweep_is_a_change() -> None:
    at = desk(preserves_itself=False)
    put(at, "a1")
    question = at.handle(Request("GET", f"/services/players?index={at.index}"), now=2.0)
    assert isinstance(question, Question)
    while not at.has_news(question):
        due = at.next_timer()
        assert due is not None
        assert due < 200
        at.handle_timer(now=due)
    assert at.next_timer() is None


def test_after_a_restart_all_are_there_and_have_a_grace(tmp_path: Path) -> None:
    before = Desk(leases=Registry(randomness=random.Random(1)), now=0.0, store=SqliteStore(tmp_path / "state"))
    for name in ("a1", "a2", "a3"):
        put(before, name)
    before.handle(Request("DELETE", "/services/players/a2"), now=1.0)
    put(before, "a3", "status", body=b'"OUT_OF_SERVICE"')
    leases = Registry(randomness=random.Random(1), preserves_itself=False)
    after = Desk(leases=leases, now=1000.0, store=SqliteStore(tmp_path / "state"))
    assert after.index == before.index
    assert [(each.name, each.status) for each in leases] == [("a1", Status.UP), ("a3", Status.OUT_OF_SERVICE)]
    after.handle_timer(now=1060.0)
    assert [each.name for each in leases] == ["a1", "a3"]
    after.handle_timer(now=1120.0)
    assert list(leases) == []
    assert SqliteStore(tmp_path / "state").load() == (after.index, [])


# Its clients


async def test_who_registers_is_found_at_once_and_who_leaves_is_not(at_a_place: AtAPlace) -> None:
    async with at_a_place() as (place, _), place.client().watch("players") as found:
        assert names(found) == []
        async with place.client().registered(instance("a1")):
            there = await found.changed(())
            assert names(found) == ["a1"]
        left = trio.current_time()
        await found.changed(there)
        assert (names(found), trio.current_time()) == ([], left)


async def test_a_query_names_attributes(at_a_place: AtAPlace) -> None:
    async with (
        at_a_place() as (place, _),
        place.client().registered(instance("a1", environment="production", zone="eu")),
        place.client().registered(instance("a2", environment="test", zone="eu")),
        place.client().watch("players", {"environment": "production", "zone": "eu"}) as found,
    ):
        assert names(found) == ["a1"]


async def test_a_lease_is_renewed_as_long_as_the_block_lasts(at_a_place: AtAPlace) -> None:
    async with at_a_place(preserves_itself=False) as (place, _), place.client().watch("players") as found:
        async with place.client().registered(instance("a1")):
            await trio.sleep(600)
            assert names(found) == ["a1"]
        assert place.told.count("PUT /services/players/a1/heartbeat") == 600 // 30 - 1
        assert place.told.count("PUT /services/players/a1") == 1


async def test_who_was_forgotten_registers_again_with_what_it_said_last(at_a_place: AtAPlace) -> None:
    async with at_a_place() as (place, _):
        client = place.client()
        async with client.registered(instance("a1")):
            await client.set_status("players", "a1", Status.OUT_OF_SERVICE)
            place.desk.leases.cancel("players", "a1")
            await trio.sleep(31)
            assert [each.status for each in place.desk.leases] == [Status.OUT_OF_SERVICE]
        with pytest.raises(NoLease):
            await client.set_status("players", "a1", Status.UP)


async def test_watching_costs_one_request_a_wait(at_a_place: AtAPlace) -> None:
    async with at_a_place() as (place, _), place.client(wait=30.0).watch("players"):
        await trio.sleep(600)
        asked = len(place.told)
        assert 600 / 32 - 1 <= asked <= 600 / 30 + 2, f"{asked} requests in ten minutes"


async def test_a_registry_that_dies_leaves_the_last_answer_and_comes_back(at_a_place: AtAPlace, tmp_path: Path) -> None:
    async with at_a_place(tmp_path / "state") as (place, nursery):
        with pytest.raises(ZeroDivisionError):  # nothing of all this gets into the way of what a block does
            await _die_and_come_back(place, nursery)


async def _die_and_come_back(place: object, nursery: trio.Nursery) -> None:
    async with (
        place.client().registered(instance("a1")),  # type: ignore[attr-defined]
        place.client().watch("players") as found,  # type: ignore[attr-defined]
    ):
        place.kill()  # type: ignore[attr-defined]
        await trio.sleep(100)
        assert names(found) == ["a1"]
        assert "nobody listens" in found.failure
        assert trio.current_time() - found.at >= 100
        await nursery.start(place.live)  # type: ignore[attr-defined]
        await trio.sleep(11)
        assert (names(found), found.failure) == (["a1"], "")
        raise ZeroDivisionError


async def test_a_registry_that_has_forgotten_everything_is_told_again(at_a_place: AtAPlace) -> None:
    async with (
        at_a_place() as (place, nursery),
        place.client().watch("players") as found,
        place.client().registered(instance("a1")),
        place.client().registered(instance("a2")),
    ):
        await trio.sleep(31)
        place.kill()
        await trio.sleep(1)
        await nursery.start(place.live)
        await trio.sleep(60)
        assert names(found) == ["a1", "a2"]
        there = found.instances
        async with place.client().registered(instance("a3")):
            await found.changed(there)
            assert names(found) == ["a1", "a2", "a3"]


@pytest.mark.parametrize("silent_for", [0.0, 40.0])
async def test_a_registry_that_has_forgotten_is_believed_unless_it_is_silent_at_first(
    at_a_place: AtAPlace, new_way: type, silent_for: float
) -> None:
    way = new_way()
    async with (
        at_a_place() as (place, nursery),
        place.client(way).registered(instance("a1")),
        place.client().watch("players") as found,
    ):
        place.kill()
        await trio.sleep(1)
        way.cut()  # it takes a while until the instance registers again
        place.silent_for = silent_for
        await nursery.start(place.live)
        await trio.sleep(15)
        assert names(found) == (["a1"] if silent_for else [])
        assert ("has just begun" in found.failure) == bool(silent_for)
        way.mend()
        await trio.sleep(60)
        assert (names(found), found.failure) == (["a1"], "")


async def test_a_registry_that_is_cut_off_leaves_the_last_answer(at_a_place: AtAPlace) -> None:
    async with (
        at_a_place() as (place, _),
        place.client().registered(instance("a1")),
        place.client().watch("players") as found,
    ):
        place.cut()
        await trio.sleep(37)  # the wait, a sixteenth, and the patience
        assert names(found) == ["a1"]
        assert "no answer for 37 s" in found.failure
        place.mend()
        await trio.sleep(11)
        assert (names(found), found.failure) == (["a1"], "")


async def test_who_finds_no_registry_is_told_so(at_a_place: AtAPlace) -> None:
    async with at_a_place() as (place, _):
        place.kill()
        await trio.sleep(1)
        with pytest.raises(CannotDiscover, match="nobody listens"):
            async with place.client().watch("players"):
                pass
        with pytest.raises(CannotRegister, match="nobody listens"):
            async with place.client().registered(instance("a1")):
                pass


async def test_clients_do_not_come_back_in_one_moment(at_a_place: AtAPlace) -> None:
    async with at_a_place() as (place, nursery), trio.open_nursery() as clients:

        async def watch(number: int) -> None:
            client = place.client()
            client.randomness = random.Random(number)
            async with client.watch("players"):
                await trio.sleep_forever()

        for number in range(100):
            clients.start_soon(watch, number)
        await trio.sleep(1)
        place.kill()
        place.told_at.clear()
        await trio.sleep(60)
        back = trio.current_time()
        await nursery.start(place.live)
        await trio.sleep(15)
        came = [at - back for at in place.told_at]
        halves = [sum(half / 2 <= at < half / 2 + 0.5 for at in came) for half in range(20)]
        print(f"100 clients came back within {max(came):.1f} s, each half second: {halves}")
        assert len(came) == 200, "each asks once for what is so, and once for what changes"
        assert max(halves) < 0.2 * len(came)
        clients.cancel_scope.cancel()
