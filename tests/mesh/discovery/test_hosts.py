"""The hosts file: what its lines say, and how long a change takes to be seen."""

from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mesh.discovery import CannotDiscover
from mesh.discovery.hosts import Hosts, HostsError, parse_hosts

ADDRESSES = st.ip_addresses(v=4).map(str)
NAMES = st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True)


def test_each_name_has_the_addresses_of_its_lines() -> None:
    text = "# ours\n10.0.0.2 players\n\n10.0.0.3\tplayers spare # the new one\n::1 six\n"
    assert parse_hosts(text) == {"players": ("10.0.0.2", "10.0.0.3"), "spare": ("10.0.0.3",), "six": ("::1",)}


@given(st.lists(st.tuples(ADDRESSES, NAMES)))
def test_what_is_written_is_read(lines: list[tuple[str, str]]) -> None:
    hosts = parse_hosts("".join(f"{address} {name}\n" for address, name in lines))
    assert [(address, name) for name in hosts for address in hosts[name]] == sorted(
        lines, key=lambda line: list(hosts).index(line[1])
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("players 10.0.0.2", "line 1: 'players' is no IP address; write the address first, then its names"),
        ("10.0.0.2 a\n10.0.0.300 b", "line 2: '10.0.0.300' is no IP address; write the address first, then its names"),
        ("10.0.0.2 # players", "line 1: 10.0.0.2 has no name"),
    ],
)
def test_a_line_that_says_nothing(text: str, told: str) -> None:
    with pytest.raises(HostsError) as refused:
        parse_hosts(text)
    assert str(refused.value) == told


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_hosts(text)
    except HostsError:
        pass


async def test_an_edit_is_seen_within_a_second(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("10.0.0.2 players\n")
    async with Hosts(path).watch("players") as found:
        assert [(each.address, each.port) for each in found.instances] == [("10.0.0.2", 8080)]
        path.write_text("10.0.0.3 players\n10.0.0.4 teams\n")
        edited = trio.current_time()
        assert [each.address for each in await found.changed(found.instances)] == ["10.0.0.3"]
        assert trio.current_time() - edited <= 1.0


async def test_a_file_that_is_broken_or_gone_leaves_the_last_answer(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("10.0.0.2 players\n")
    async with Hosts(path).watch("players") as found:
        path.write_text("players is at 10.0.0.3\n")
        await trio.sleep(30)
        assert "line 1" in found.failure
        path.unlink()
        await trio.sleep(30)
        assert "No such file" in found.failure
        assert [each.address for each in found.instances] == ["10.0.0.2"]
        path.write_text("10.0.0.5 players\n")
        await found.changed(found.instances)
        assert not found.failure


async def test_a_file_that_never_was_and_a_question_that_it_cannot_answer(tmp_path: Path) -> None:
    with pytest.raises(CannotDiscover, match="No such file"):
        async with Hosts(tmp_path / "none").watch("players"):
            pass
    with pytest.raises(CannotDiscover, match="environment"):
        async with Hosts(tmp_path / "none").watch("players", {"environment": "production"}):
            pass


async def test_what_the_block_raises_comes_out_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("")
    with pytest.raises(ZeroDivisionError):
        await _divide(path)
    with trio.move_on_after(5) as scope:
        async with Hosts(path).watch("players"):
            await trio.sleep_forever()
    assert scope.cancelled_caught


async def _divide(path: Path) -> float:
    async with Hosts(path).watch("players") as found:
        return 1 / len(found.instances)
