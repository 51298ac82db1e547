"""Step 2: *teams* and *players* over the standard call."""

from typing import Any

import pytest

from labs.conformance import about, asking, conforms, drawn
from labs.lab00_machine.starter.business import answer, apology, players_of, team_asked_about
from labs.lab04_stack.evidence import connections
from labs.lab05_fallacies.peers import (
    answers,
    encoded,
    heard,
    members_of,
    messages_in,
    offering,
    replying,
    requesting,
    typing,
)
from labs.lab05_fallacies.scenes import APPLICATION, program
from labs.testbed.judge import Judge
from labs.testbed.scene import Offering, Port, Scene
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("2")

PORT = 8081
"""Not the usual one: the port is an argument."""


@pytest.mark.seeds(2)
def test_teams_against_a_players_that_answers_as_it_likes(judge: Judge) -> None:
    """The judge's *players* answers in another order, refuses one, and forgets one: people hear of each."""
    asked = drawn(judge.random, 6)
    teams = [team_asked_about(one.question) for one in asked]
    order = list(range(6))
    judge.random.shuffle(order)
    forgotten, refused = order[0], order[1]
    replies = [
        replying(n + 1, error="no") if n == refused else replying(n + 1, result=list(players_of(teams[n])))
        for n in order[1:]
    ]
    scene = Scene(
        name="as-it-likes",
        topology=APPLICATION.topology,
        programs=(typing("b", port=PORT), program("a", "teams.py", port=PORT, patience=3.0)),
        ports=(
            Port(host="a"),
            Port(
                host="b",
                name="line",
                program="line",
                offers=offering(*((SECOND + n * 10 * MILLISECOND, each) for n, each in enumerate(replies))),
            ),
        ),
        classify=APPLICATION.classify,
    )
    trace = judge.play(asking(scene, asked, every=50 * MILLISECOND))
    wanted = b"".join(requesting(n, "of", {"team": team}) for n, team in enumerate(teams, 1))
    stream = heard(trace, "b")
    count = connections(trace, "a-b")
    judge.expect("teams:connection", count == 1, "one connection serves for all calls", found=f"{count} were opened")
    calls = len(list(messages_in(stream)))
    judge.expect(
        "teams:at-once", calls == 6, "six calls, none of them waiting for the one before", found=f"{calls} came"
    )
    judge.expect(
        "teams:questions",
        stream == wanted,
        "they are calls of `of`, with the argument `team`, in the order of asking",
        found=f"{stream[:100]!r}",
    )
    told = [answer(teams[n], players_of(teams[n])) if n != refused else apology(teams[n]) for n in order[1:]]
    got = trace.delivered("a")
    sorry = apology(teams[refused])
    judge.expect(
        f"teams:failure:{'silence' if len(got) < len(order) else 'nobody'}",
        got.count(sorry) >= told.count(sorry),
        f"where *players* answers with an error, people hear {sorry.decode()!r}",
        found=str(got),
    )
    judge.expect("teams:answers", got[:5] == told, "people hear each answer as soon as it has come", found=str(got))
    asked_at = trace.at_port("taken", "a")[forgotten].at
    late = [(event.payload, (event.at - asked_at) / SECOND) for event in trace.at_port("delivered", "a")[5:]]
    judge.expect(
        f"teams:apology:{'time' if late else 'never'}",
        [payload for payload, _ in late] == [apology(teams[forgotten])] and 2.9 < late[0][1] < 3.1,
        "and an apology where none has come after 3 s: once, and nothing after it",
        found=str(late),
    )


@pytest.mark.seeds(2)
def test_players_against_anybody(judge: Judge) -> None:
    """The judge calls *players*: known and unknown teams; a slow method holds nobody up; others are rude meanwhile."""
    player = f"Nia {judge.random.randrange(100)}"
    calls: list[tuple[str, dict[str, Any]]] = [
        ("sign", {"team": "Otters", "player": player}),
        ("of", {"team": "Herons"}),
        ("of", {"team": "雪豹"}),
        ("of", {"team": "Ünknown"}),
        ("sell", {"team": "Herons"}),
        ("of", {"club": "Herons"}),
    ]
    typed = b"".join(requesting(n, *call) for n, call in enumerate(calls, 1))
    rude = (encoded(b"hello?"), requesting(1, "of", {"team": "Otters"})[:9], replying(1, result=[]))
    scene = Scene(
        name="anybody",
        topology=APPLICATION.topology,
        programs=(
            program("b", "players.py", port=PORT, takes=2.0),
            *(typing("a", name=f"rude{n}", port=PORT, connect="b") for n in range(len(rude))),
            typing("a", port=PORT, connect="b"),
        ),
        ports=(
            *(
                Port(host="a", name=f"rude{n}", program=f"rude{n}", offers=offering((0, words), (SECOND // 2, b"")))
                for n, words in enumerate(rude)
            ),
            Port(
                host="a",
                name="line",
                program="line",
                offers=offering(
                    (SECOND, typed), (4 * SECOND, requesting(7, "of", {"team": "Otters"})), (5 * SECOND, b"")
                ),
            ),
        ),
        classify=APPLICATION.classify,
    )
    trace = judge.play(scene)
    got = answers(trace, "a")
    results = {each.get("id"): each.get("result") for each in got if "result" in each}
    for n, team in ((2, "Herons"), (3, "雪豹"), (4, "Ünknown")):
        judge.expect(
            "players:of",
            results.get(n) == list(players_of(team)),
            f"`of` of {team} is {list(players_of(team))}",
            found=str(next((each for each in got if each.get("id") == n), "no answer")),
        )
    judge.expect(
        "players:errors",
        {each.get("id") for each in got if "error" in each} == {5, 6},
        "an unknown method and unknown arguments are errors, and only they",
        found=str([each for each in got if "error" in each]),
    )
    judge.expect(
        "players:sign",
        results.get(1) == 3 and results.get(7) == [*players_of("Otters"), player],
        "`sign` signs a player; after that `of` has one more",
        found=f"{results.get(1)}, and then {results.get(7)}",
    )
    early = b"".join(event.payload for event in trace.at_port("delivered", "a", "line") if event.at < 2 * SECOND)
    soon = {each.get("id") for each in members_of(messages_in(early))}
    judge.expect(
        "players:clerk",
        1 not in soon,
        "the clerk needs 2 s to sign somebody, as `takes` says",
        found="it was done at once",
    )
    judge.expect(
        "players:slow",
        soon == {2, 3, 4, 5, 6},
        "others are answered meanwhile",
        found=f"of the calls 2 to 6 these were answered within a second: {sorted(map(str, soon))}",
    )


@pytest.mark.seeds(1)
def test_when_players_is_gone(judge: Judge) -> None:
    """The judge's *players* hangs up: whoever asks hears an apology, those who wait at once."""
    scene = Scene(
        name="gone",
        topology=APPLICATION.topology,
        programs=(typing("b", port=PORT), program("a", "teams.py", port=PORT, patience=30.0)),
        ports=(
            Port(host="a", offers=(Offering(about("Otters").question), Offering(about("Herons").question, 2 * SECOND))),
            Port(host="b", name="line", program="line", offers=offering((SECOND, b""))),
        ),
        classify=APPLICATION.classify,
    )
    trace = judge.play(scene)
    got = [(event.payload, event.at // SECOND) for event in trace.at_port("delivered", "a")]
    judge.expect(
        "gone:apology",
        got == [(apology("Otters"), 1), (apology("Herons"), 2)],
        "people hear an apology each, as soon as it is clear that no answer will come",
        found=str(got),
    )


@pytest.mark.seeds(1)
def test_the_application(judge: Judge) -> None:
    """People ask *teams*, *teams* calls *players*: the same answers as in every lab."""
    trace = conforms(judge, APPLICATION, count=4, every=SECOND // 4)
    count = connections(trace, "a-b")
    judge.expect(
        "application:connection", count == 1, "one connection serves for all calls", found=f"{count} were opened"
    )
