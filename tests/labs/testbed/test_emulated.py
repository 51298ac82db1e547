"""Scenes on an emulated network: the same programs, judge and wires as on `sim`, in real time."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs.testbed import enclave

if reason := enclave.available():
    pytest.skip(reason, allow_module_level=True)

from labs.story.trace import Event, FrameEvent
from labs.testbed import emulated, sandbox
from labs.testbed.cast import Cast
from labs.testbed.relay import Reports
from labs.testbed.sandbox import Level
from labs.testbed.scene import Acting, Limits, Offering, Port, Program, Scene, Send
from labs.testbed.sim import Played
from netstack.wire import MILLISECOND, SECOND, Fault

PLAYED = Limits(time=10 * SECOND)

ASKER = """
async def main(host):
    link = host.link
    async for question in host.app:
        await link.send(b"\\xff" * 6 + link.address + b"\\x88\\xb5" + question)
        frame = await link.receive()
        await host.app.send(frame[14:])
"""
ANSWERER = """
async def main(host):
    link = host.link
    while True:
        frame = await link.receive()
        await link.send(frame[6:12] + link.address + b"\\x88\\xb5" + frame[14:].upper())
"""
OFFERS = (Offering(b"who?"), Offering(b"where?", at=20 * MILLISECOND))
ASKED = (Port(host="a", offers=OFFERS, enough=2),)


@pytest.fixture
def play(stage: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Played]:
    monkeypatch.setattr(emulated, "QUIET", SECOND)  # these programs think less long than students' may

    def play(*cast: str | Program | Acting, script: tuple[str, ...] = (), **how: Any) -> Played:
        scene: Scene = stage.scene(*cast, **{"limits": PLAYED, **how})
        return emulated.play(scene, stage.cast, seed=1, script=tuple(map(Fault.parse, script)))

    return play


def test_two_programs_talk_over_a_real_link(play: Callable[..., Played]) -> None:
    trace = play(ASKER, ANSWERER, ports=ASKED, link={"delay": "5ms"}).trace
    assert trace.testbed == "mininet"
    assert trace.delivered("a") == [b"WHO?", b"WHERE?"]
    assert trace.ended == "all that was waited for has been delivered"
    assert [frame.direction for frame in trace.frames()] == ["a-b", "b-a"] * 2
    assert {end.how for end in trace.exits()} == {"cancelled"}
    there, back, *_ = trace.frames()
    assert back.at >= there.arrivals[0] == there.at + 5 * MILLISECOND
    assert [event.at for event in trace.events] == sorted(event.at for event in trace.events)


def test_what_happens_is_told_in_order_though_the_relay_reports_late(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, flush = tmp_path / "told", Reports.flush

    def flush_late(reports: Reports) -> None:  # no frame before all four have been seen, when "WHO?" is long delivered
        if len(reports._records) == 4:
            flush(reports)

    monkeypatch.setattr(Reports, "flush", flush_late)

    def watch(event: Event) -> None:  # in the enclave's process
        with told.open("a") as stream:
            print(event.at, file=stream)

    scene = stage.scene(ASKER, ANSWERER, ports=ASKED, link={"delay": "5ms"}, limits=PLAYED)
    trace = emulated.play(scene, stage.cast, seed=1, watch=watch).trace
    assert [int(line) for line in told.read_text().splitlines()] == [event.at for event in trace.events]


def test_the_script_acts_on_real_frames(play: Callable[..., Played]) -> None:
    played = play(ASKER, ANSWERER, ports=ASKED, script=("drop b-a:frame:1", "drop b-a:frame:7"))
    first = next(played.trace.frames("b-a"))
    assert (first.lost, first.faults, first.arrivals) == ("dropped", ("drop b-a:frame:1",), ())
    assert played.trace.delivered("a") == []
    assert [str(fault) for fault in played.unmet] == ["drop b-a:frame:7"]
    assert played.trace.ended.startswith("nothing happened for 1")


def test_a_byte_pipe_carries_single_bytes(play: Callable[..., Played]) -> None:
    sender = """
    async def main(host):
        for byte in b"hello":
            await host.link.send(bytes([byte]))
    """
    receiver = """
    async def main(host):
        await host.app.send(b"".join([await host.link.receive() for _ in range(5)]))
    """
    port = Port(host="b", enough=1)
    trace = play(sender, receiver, ports=(port,), link={"serial": True, "mtu": 16}).trace
    assert trace.delivered("b") == [b"hello"]
    assert [frame.data for frame in trace.frames()] == [b"h", b"e", b"l", b"l", b"o"]


def test_a_host_that_the_judge_plays_sits_on_a_real_link_too(play: Callable[..., Played]) -> None:
    class Echo:
        def receive(self, link: int, frame: bytes, *, now: int) -> list[Send]:
            return [Send(link, frame[6:12] + frame[:6] + frame[12:])]

        def next_timer(self) -> int | None:
            return None

        def handle_timer(self, *, now: int) -> list[Send]:
            return []

    trace = play(ASKER, Acting(host="b", make=Echo), ports=ASKED).trace
    assert trace.delivered("a") == [b"who?", b"where?"]


def test_another_executable_speaks_the_channel(play: Callable[..., Played], folder: Path) -> None:
    """The judge holds its links' sockets, and carries its frames."""
    (folder / "answer.py").write_text(
        """if True:
        import os, socket, struct
        channel = socket.socket(fileno=int(os.environ["DOWNSTACK_CHANNEL"])).makefile("rwb", 0)
        while prefix := channel.read(4):
            body = b""
            while len(body) < struct.unpack("!I", prefix)[0]:
                body += channel.read(struct.unpack("!I", prefix)[0] - len(body))
            if body[:1] == b"F":
                link, frame = body[1:3], body[3:]
                answer = b"F" + link + frame[6:12] + frame[:6] + frame[12:14] + frame[14:].upper()
                channel.write(struct.pack("!I", len(answer)) + answer)
        """
    )
    other = Program(host="b", file="answer.py", command=(sys.executable, "-u"))
    trace = play(ASKER, other, ports=ASKED).trace
    assert trace.delivered("a") == [b"WHO?", b"WHERE?"]
    assert [(end.host, end.how) for end in trace.exits()] == [("a", "cancelled"), ("b", "cancelled")]


@pytest.mark.parametrize(
    ("source", "how", "words"),
    [
        ("async def main(host):\n    raise ValueError('on purpose')", "raised", "on purpose"),
        ("import os\nos._exit(3)", "died", "exited with 3"),
        ("async def main(host):\n    while True: print('x' * 100_000)", "stopped", "printed more than"),
    ],
)
def test_a_program_that_ends_badly_ends_the_play(
    play: Callable[..., Played], source: str, how: str, words: str
) -> None:
    trace = play(source, limits=Limits(time=10 * SECOND, output_bytes=1 << 20)).trace
    (end,) = trace.exits()
    assert end.how == how
    assert words in end.detail
    assert "main on a" in trace.ended


def test_a_students_folder_may_have_any_name(stage: Any, tmp_path: Path) -> None:
    own = tmp_path / 'Übung 1, "it\'s 雪" $HOME'
    own.mkdir()
    (own / "says.sh").write_text('echo "$0"\n')
    says = Program(host="a", file="says.sh", command=("sh",))
    with Cast(own=own) as cast:
        played = emulated.play(stage.scene(says, limits=Limits(time=5 * SECOND)), cast, seed=1)
    assert played.output["a", "main"] == f"{own}/says.sh\n"


def test_the_last_lines_of_output_are_kept(play: Callable[..., Played]) -> None:
    source = """
    async def main(host):
        for number in range(5000):
            print("line", number)
        1 / 0
    """
    played = play(source)
    lines = played.output["a", "main"].splitlines()
    assert lines[-1] == "line 4999"
    assert "line 2500" not in lines
    assert "ZeroDivisionError" in played.trace.exits()[0].detail


def test_what_a_program_prints_between_its_end_and_its_exit_is_read(play: Callable[..., Played], folder: Path) -> None:
    """More than a pipe holds, so that its exit waits for somebody to read."""
    (folder / "talkative.py").write_text(
        """if True:
        import os, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        channel = open(int(os.environ["DOWNSTACK_CHANNEL"]), "r+b", 0)
        while channel.read(int.from_bytes(channel.read(4)))[:1] != b"X":
            pass
        channel.write((11).to_bytes(4) + b"Ecancelled\\n")
        print("blah\\n" * 20_000 + "bye")
        """
    )
    talkative = Program(host="a", file="talkative.py", command=(sys.executable,))
    played = play(talkative, limits=Limits(time=SECOND // 10))
    assert [event.how for event in played.trace.exits()] == ["cancelled"]
    assert played.output["a", "main"].endswith("blah\nbye\n")


def test_one_that_does_not_listen_is_killed_after_a_second(play: Callable[..., Played]) -> None:
    deaf = """
    import signal, time
    async def main(host):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        host.note("deaf now")
        while True:
            time.sleep(1)
    """
    trace = play(deaf, limits=Limits(time=SECOND)).trace
    (end,) = trace.exits()
    assert trace.ended == "the time limit"
    assert (end.how, "killed" in end.detail) == ("stopped", True)


def test_frames_are_limited(play: Callable[..., Played]) -> None:
    flood = """
    async def main(host):
        while True:
            await host.link.send(b"\\xff" * 60)
    """
    trace = play(flood, ANSWERER, limits=Limits(time=10 * SECOND, frames=200)).trace
    assert trace.ended == "more than 200 frames were sent"
    assert all(isinstance(event, FrameEvent) for event in trace.events[:100])


def test_a_frame_that_is_too_long_is_seen_and_lost(play: Callable[..., Played]) -> None:
    """By a program that goes round `host.link`, whose `send` refuses it, to the socket."""
    cheat = """
    async def main(host):
        await host._carrier.transmit(0, bytes(700)) if hasattr(host, "_carrier") else None
    """
    trace = play(cheat, ANSWERER, link={"mtu": 600}).trace
    assert [(len(frame.data), frame.lost) for frame in trace.frames()] == [(700, "too long")]


@pytest.mark.parametrize("level", [Level.BUBBLEWRAP, Level.OTHER_UID])
def test_sandboxed_programs_get_their_links_too(stage: Any, level: Level) -> None:
    """Without any privilege of their own: the sockets are handed in."""
    if reason := sandbox.why_not(level):
        pytest.skip(reason)
    own = Path(tempfile.mkdtemp())
    own.chmod(0o755)
    try:
        (own / "asker.py").write_text(ASKER)
        (own / "answerer.py").write_text(ANSWERER)
        programs = Program(host="a", file="asker.py"), Program(host="b", file="answerer.py")
        with Cast(own=own, level=level) as cast:
            trace = emulated.play(stage.scene(*programs, ports=ASKED, limits=PLAYED), cast, seed=1).trace
    finally:
        shutil.rmtree(own)
    assert trace.delivered("a") == [b"WHO?", b"WHERE?"]
