"""`docs/channel.md` is true: its bytes, its settings, its limits, and that a program in Perl can live by it."""

import json
import re
import shutil
from pathlib import Path

import pytest

from labs.testbed.actors import SILENCE
from labs.testbed.cast import Cast
from labs.testbed.channel import _DECODERS as DECODERS
from labs.testbed.channel import (
    LONGEST,
    NEVER,
    VERSION,
    Ask,
    Decoder,
    End,
    Frame,
    Grant,
    Message,
    Offer,
    Wait,
)
from labs.testbed.scene import Offering, Plan, Port, Program, Scene
from labs.testbed.sim import play, start_settings
from netstack.calls import _UNANSWERED as UNANSWERED
from netstack.calls import MOST_SOCKETS, MOST_WAITING
from netstack.requests import Operation
from netstack.wire import SECOND

from .conftest import Theatre, row

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "labs/testbed/examples"
TEXT = (ROOT / "docs/channel.md").read_text(encoding="utf-8")

EXAMPLE: list[Message] = [
    Wait(0),
    Grant(0),
    Ask(0),
    Wait(NEVER),
    Offer(0, b"hi"),
    Grant(SECOND),
    Frame(0, b"hi"),
    Wait(SECOND + SECOND // 2),
    Grant(SECOND + SECOND // 2),
    End("returned"),
]


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_bytes_of_the_example_are_the_messages_beside_them() -> None:
    table = rows("A play, byte by byte")[1:]
    stream = b"".join(bytes.fromhex(cells[1].strip("`")) for cells in table)
    assert list(Decoder().feed(stream)) == EXAMPLE
    assert [cells[2].split()[0] for cells in table] == [type(message).__name__ for message in EXAMPLE]


def test_the_example_is_what_such_a_program_says(stage: Theatre) -> None:
    program = """
        async def main(host):
            await host.link.send(await host.app.receive())
            with trio.move_on_after(0.5):
                await host.link.receive()
    """
    port = Port(host="a", offers=(Offering(b"hi", SECOND),))
    trace = stage.play(program, "async def main(host): pass", ports=(port,)).trace
    assert [(frame.at, frame.data) for frame in trace.frames()] == [(SECOND, b"hi")]
    assert trace.exits()[-1].at == SECOND + SECOND // 2


def test_every_type_of_message_is_in_the_table() -> None:
    assert sorted(cells[0].strip("`") for cells in rows("Messages")) == sorted(map(chr, DECODERS))


def test_every_setting_is_in_the_table() -> None:
    documented = {name for cells in rows("What Start says") for name in re.findall(r"`(\w+)`", cells[0])}
    (example,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    program = Program(host="b", file="pong.pl", command=("perl",), arguments={"answer": "pong"})
    scene = Scene(name="s", topology=row(2), programs=(program,), ports=(Port(host="b"),))
    settings = start_settings(scene, Plan.of(row(2)()), program, scene.ports, seed=1, clock="virtual")
    assert documented == settings.keys()
    assert json.loads(example) == settings | {"seed": "7be3a1f0c2d45968", "names": {"a": ["10.0.0.1"]}}


def test_every_operation_is_in_the_table() -> None:
    documented = [(int(cells[0]), cells[1], cells[3] == "none is sent") for cells in rows("Sockets")]
    assert documented == [(each.value, each.name, each in UNANSWERED) for each in Operation]
    assert f"have {MOST_SOCKETS:,} sockets" in TEXT
    assert f"each {MOST_WAITING:,} calls" in TEXT


def test_the_limits_are_those_of_the_code() -> None:
    assert f"most\n{LONGEST:,}" in TEXT
    assert f"keeps its turn for {SILENCE:g} s" in TEXT
    assert rows("What Start says")[0] == ["`version`", f"of this protocol: {VERSION}"]


needs_perl = pytest.mark.skipif(shutil.which("perl") is None, reason="there is no perl here")


@needs_perl
def test_a_program_in_perl_plays_with_one_in_python(tmp_path: Path) -> None:
    (tmp_path / "ping.py").write_text("""
import trio

HEADER = bytes.fromhex("0200 0000 0200  0200 0000 0100  88b5")

async def main(host):
    for n in range(3):
        await host.link.send(HEADER + b"ping %d" % n)
        host.note((await host.link.receive()).hex(" "))
    host.note((await host.link.receive())[14:].decode())
""")
    perl = Program(host="b", file="pong.pl", command=("perl",), arguments={"answer": "pong!"})
    scene = Scene(
        name="two languages",
        topology=row(2, delay="10ms"),
        programs=(Program(host="a", file="ping.py"), perl),
    )
    with Cast(own=tmp_path, given=EXAMPLES) as cast:
        played = play(scene, cast, seed=1)
        again = play(scene, cast, seed=1)
    answer = "02 00 00 00 01 00 02 00 00 00 02 00 88 b5 " + b"pong!".hex(" ")
    said = [(event.at, event.host, getattr(event, "text", "")) for event in played.trace.events if event.tag == "note"]
    millisecond = SECOND // 1000
    assert said == [
        (20 * millisecond, "a", answer),
        (40 * millisecond, "a", answer),
        (60 * millisecond, "a", answer),
        (1050 * millisecond, "b", "spoke of my own accord at 1050000000"),
        (1060 * millisecond, "a", "still here"),
    ]
    assert [(event.host, event.how) for event in played.trace.exits()] == [("a", "returned"), ("b", "cancelled")]
    assert played.output["b", "main"] == "b was asked to stop\n"
    assert list(again.trace.to_lines()) == list(played.trace.to_lines())


@needs_perl
def test_what_a_program_prints_between_its_end_and_its_exit_is_read(tmp_path: Path) -> None:
    """Perl's own buffers go out at exit; and a pipe that is full (64 KiB) holds the exit up until somebody reads."""
    (tmp_path / "Talkative.pm").write_text('package Talkative; END { print "blah\\n" x 20_000, "bye\\n" } 1;')
    talkative = Program(host="b", file="pong.pl", command=("perl", f"-I{tmp_path}", "-MTalkative"))
    scene = Scene(name="last words", topology=row(2), programs=(talkative,))
    with Cast(own=tmp_path, given=EXAMPLES) as cast:
        played = play(scene, cast, seed=1)
    assert [event.how for event in played.trace.exits()] == ["cancelled"]
    assert played.output["b", "main"].startswith("b was asked to stop\nblah\n")
    assert played.output["b", "main"].endswith("blah\nbye\n")
