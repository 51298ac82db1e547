"""A capture is read back by others: scapy, and Wireshark's own tools where they are installed."""

import shutil
import subprocess
from pathlib import Path

import pytest
from scapy.utils import PcapNgReader

from labs.story.trace import FrameEvent, Line, PortEvent, Trace
from labs.testbed.capture import write_pcapng

FRAME = bytes.fromhex("02000000020002000000010088b5") + b"who?"
SECOND = 1_000_000_000


@pytest.fixture
def trace() -> Trace:
    lines = (Line("a-b", ("a", "b"), "10 Mbit/s"), Line("b-c", ("b", "c")), Line("a-b.2", ("a", "b"), "a byte pipe"))
    return Trace(
        scene="three",
        seed=7,
        testbed="sim",
        hosts=("a", "b", "c"),
        lines=lines,
        ended="all has been delivered",
        events=[
            FrameEvent(1, "a-b", "data", 1, FRAME, arrivals=(1 + SECOND,)),
            PortEvent(2, "a", "app", "offered", 1, b"no frame"),
            FrameEvent(5 * SECOND, "b-a", "ack", 1, FRAME[:14], "dropped", ("drop b-a:ack:1",)),
            FrameEvent(
                6 * SECOND, "c-b", "data", 1, FRAME, "", ("flip c-b:data:1:0",), (7 * SECOND,), b"\x82" + FRAME[1:]
            ),
            FrameEvent(2**40, "b-a.2", "byte", 1, b"x", arrivals=(2**40, 2**40)),
        ],
    )


def _read(path: Path) -> list[tuple[bytes, str, int, str]]:
    """Each packet's bytes, interface, time in nanoseconds, and comment."""
    reader = PcapNgReader(str(path))
    packets = []
    for packet in reader:
        comment = packet.comments[0] if hasattr(packet, "comments") else packet.comment
        nanoseconds = round(packet.time * SECOND)
        packets.append((bytes(packet), packet.sniffed_on, nanoseconds, comment.decode()))
    reader.close()
    return packets


def test_scapy_reads_frames_links_times_and_fates(trace: Trace, tmp_path: Path) -> None:
    write_pcapng(tmp_path / "three.pcapng", trace, step="step 2")
    assert _read(tmp_path / "three.pcapng") == [
        (FRAME, "a-b", 1, "step 2: a-b:data:1 arrives after 1s"),
        (FRAME[:14], "a-b", 5 * SECOND, "step 2: b-a:ack:1 lost: dropped (drop b-a:ack:1)"),
        (FRAME, "b-c", 6 * SECOND, "step 2: c-b:data:1 arrives after 1s (flip c-b:data:1:0)"),
        (b"\x82" + FRAME[1:], "b-c", 7 * SECOND, "step 2: c-b:data:1 as it arrived"),
        (b"x", "a-b.2", 2**40, "step 2: b-a.2:byte:1 arrives after 0s, 0s"),
    ]


def test_a_hostile_kind_is_escaped_and_bounded(trace: Trace, tmp_path: Path) -> None:
    trace.events = [FrameEvent(0, "a-b", "\x1b]0;owned\x07\0" + "é" * 100_000, 1, FRAME, arrivals=(0,))]
    write_pcapng(tmp_path / "hostile.pcapng", trace)
    ((data, _, _, comment),) = _read(tmp_path / "hostile.pcapng")
    assert data == FRAME
    assert comment.startswith("a-b:\\x1b]0;owned\\x07\\x00é")
    assert len(comment) == 1000


def test_a_trace_without_frames_is_a_capture_too(tmp_path: Path) -> None:
    write_pcapng(tmp_path / "empty.pcapng", Trace(scene="none", seed=1, testbed="sim"))
    assert (tmp_path / "empty.pcapng").stat().st_size % 4 == 0
    assert _read(tmp_path / "empty.pcapng") == []


def test_wireshark_reads_it(trace: Trace, tmp_path: Path) -> None:
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    write_pcapng(tmp_path / "three.pcapng", trace)
    command = ["tshark", "-r", str(tmp_path / "three.pcapng"), "-T", "fields", "-e", "frame.interface_name"]
    command += ["-e", "frame.comment", "-e", "frame.time_epoch"]
    read = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert [line.split("\t")[0] for line in read.stdout.splitlines()] == ["a-b", "a-b", "b-c", "b-c", "a-b.2"]
    assert "lost: dropped" in read.stdout
    assert "5.000000000" in read.stdout
