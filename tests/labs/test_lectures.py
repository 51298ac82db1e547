"""What the lectures read out of their plays is what the plays show."""

from collections.abc import Iterator
from ipaddress import IPv4Network

import pytest

from labs.lab02_route import lecture as route
from labs.lab02_route.scenes import LINE
from labs.lab03_flow import lecture as flow
from labs.lab03_flow.evidence import goodput
from labs.lab03_flow.scenes import CARD, TEAMS, blast, lunch, stream
from labs.story.notebook import Lecture

B = IPv4Network("10.2.0.0/16")
CARDS = [f"{number} {TEAMS[0]}".encode().ljust(CARD) for number in range(40)]


@pytest.fixture(scope="module")
def lab2() -> Iterator[Lecture]:
    lecture = Lecture("2")
    yield lecture
    lecture.close()


@pytest.fixture(scope="module")
def lab3() -> Iterator[Lecture]:
    lecture = Lecture("3")
    yield lecture
    lecture.close()


def test_good_news_travels_a_link_at_a_time_and_is_bold_in_the_table_when_it_comes(lab2: Lecture) -> None:
    played = lab2.play(LINE)
    table = route.belief_table(played, B)
    assert table.heads == ["10.2.0.0/16 is at", "r1", "r2", "r3", "r4"]
    assert table.rows[0] == ["0", "∞", "∞", "∞", "1"]
    assert table.rows[-1] == ["3 ms", "**4**", "3", "2", "1"]
    chart = route.belief_chart(played, B, begin=1.0)
    assert [each.points[0] for each in chart.series] == [(0, 4), (0, 3), (0, 2), (0, 1)]
    assert [waited for _, waited in route.waits(played)] == pytest.approx(
        [0.51, 0.01, 0.01]
    )  # the first is asked too soon


def test_a_loop_of_switches_keeps_what_a_tree_delivers_once(lab2: Lecture) -> None:
    counted = {cables: route.copies(lab2.play(route.cabled(cables, 5))) for cables in (1, 2, 3)}
    assert {cables: [count for _, count in each] for cables, each in counted.items()} == {
        1: [0, 1, 0],
        2: [0, 2, 2, 2, 2],
        3: [0, 3, 6, 12, 24],
    }
    tree = lab2.play(route.cabled(2, 1000), "cut s1-s2.2:0s-1s")
    assert route.heard(tree, "b") == ["a to all"]


def test_a_packet_in_a_circle_crosses_as_many_links_as_it_has_to_live(lab2: Lecture) -> None:
    assert sum(1 for _ in lab2.play(route.circle(8)).trace.frames()) == 8
    assert route.heard(lab2.play(route.ages(6)), "b") == ["lives 5", "lives 6"]


def test_stop_and_wait_is_as_fast_as_the_formula_says(lab3: Lecture) -> None:
    played = lab3.play(stream("stop_and_wait", CARDS[:5], link={"delay": "7ms"}))
    assert flow.DELAY == 20
    assert goodput(played.trace) == pytest.approx(flow.CARD_TIME / (flow.CARD_TIME + flow.ACK_TIME + 2 * 7))


def test_what_found_no_room_is_counted_and_a_slow_reader_reads_at_his_own_pace(lab3: Lecture) -> None:
    slow = lunch(0, 0, every=0.004)
    blasted = lab3.play(blast(CARDS, room=4, reader=slow))
    assert len(flow.lost(blasted)) == len(CARDS) - len(blasted.answers("b"))
    assert flow.lost(blasted)[0] == 6  # cards 1 to 3 wait when he takes another; then there is room for two more
    assert flow.read_share(lab3.play(stream("credit", CARDS, reader=slow))) == pytest.approx(0.25)
