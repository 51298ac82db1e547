"""The language of the scripts: what is read, what is refused and where, and that noise does no harm."""

import random

import pytest

from labs.pkt import grounds
from labs.pkt.assertion import Assertion, AssertionFault
from labs.pkt.grounds import on_netstack
from labs.pkt.language import read
from labs.pkt.script import Call, Event, Option, Polled, Script, ScriptError, Segment, Unreachable, When
from netstack.packets import ACK, CE, CWR, ECE, FIN, PSH, SYN


def only(text: str) -> Event:
    [event] = read(text).events
    return event


@pytest.mark.parametrize(
    ("written", "when"),
    [
        ("1.5 > . 0:0(0)", When(earliest=1.5, latest=1.5, relative=False)),
        ("+.25 > . 0:0(0)", When(earliest=0.25, latest=0.25)),
        ("+1~+2 > . 0:0(0)", When(earliest=1, latest=2)),
        ("1~2.5 > . 0:0(0)", When(earliest=1, latest=2.5, relative=False)),
        ("* > . 0:0(0)", When(any_time=True)),
        ("+0...0.3 close(3) = 0", When(until=0.3)),
        ("0...+.3 close(3) = 0", When(relative=False, until=0.3)),
    ],
)
def test_times(written: str, when: When) -> None:
    assert only(written).when == when


@pytest.mark.parametrize(
    ("written", "segment"),
    [
        (
            "0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>",
            Segment(
                inbound=True,
                flags=SYN,
                start=0,
                length=0,
                window=(32792, 32792),
                options=(
                    Option("mss", (1000,)),
                    Option("sackOK"),
                    Option("nop"),
                    Option("nop"),
                    Option("nop"),
                    Option("wscale", (7,)),
                ),
            ),
        ),
        (
            "0 > FP. 1:1001(1000) ack 7 <...>",
            Segment(inbound=False, flags=FIN | PSH | ACK, start=1, length=1000, acknowledgement=7, options=None),
        ),
        (
            "0 > [ce] SEW 0:0(0) win 1~2",
            Segment(inbound=False, flags=SYN | ECE | CWR, start=0, length=0, window=(1, 2), ecn=CE),
        ),
        (
            "0 < . 1:1(0) ack 1 win 5 urg 2 <nop,nop,TS val 1 ecr 2,sack 1:2 3:4>",
            Segment(
                inbound=True,
                flags=ACK,
                start=1,
                length=0,
                acknowledgement=1,
                window=(5, 5),
                urgent=2,
                options=(Option("nop"), Option("nop"), Option("TS", (1, 2)), Option("sack", (1, 2, 3, 4))),
            ),
        ),
        ("0 > - 4294967295:0(1)", Segment(inbound=False, flags=0, start=2**32 - 1, length=1)),
    ],
)
def test_segments(written: str, segment: Segment) -> None:
    assert only(written).action == segment


def test_icmp() -> None:
    message = only("+0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]").action
    assert message == Unreachable(code=4, mtu=1200, start=1, length=1000)


@pytest.mark.parametrize(
    ("written", "call"),
    [
        (
            "socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3",
            Call(name="socket", socket=3, nonblocking=True, returns=3),
        ),
        ("accept(3, ..., ...) = 4", Call(name="accept", socket=3, returns=4)),
        (
            "connect(3, ..., ...) = -1 ECONNREFUSED (Connection refused)",
            Call(name="connect", socket=3, returns=-1, error="ECONNREFUSED"),
        ),
        ("write(4, ..., 100) = ...", Call(name="write", socket=4, number=100)),
        (
            "recv(4, ..., 100, MSG_DONTWAIT) = 1",
            Call(name="recv", socket=4, number=100, nonblocking=True, returns=1),
        ),
        ("shutdown(4, SHUT_WR) = 0", Call(name="shutdown", socket=4, number=1, returns=0)),
        ("fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0", Call(name="fcntl", socket=4, nonblocking=True, returns=0)),
        (
            "setsockopt(4, IPPROTO_TCP, TCP_NODELAY, [1], 4) = 0",
            Call(name="setsockopt", socket=4, option="TCP_NODELAY", number=1, returns=0),
        ),
        (
            "getsockopt(4, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0",
            Call(name="getsockopt", socket=4, option="SO_ERROR", number=111, returns=0),
        ),
        (
            "poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1",
            Call(
                name="poll",
                nonblocking=True,
                polled=(Polled(4, frozenset({"POLLIN", "POLLOUT"}), frozenset({"POLLOUT"})),),
                returns=1,
            ),
        ),
    ],
)
def test_calls(written: str, call: Call) -> None:
    assert only(f"+0 {written}").action == call


def test_the_head() -> None:
    script = read(
        "// What it shows,\n# in two lines.\n// differs-from-linux: it is slow\n// linux-says: late\n"
        "--settings sack=0,mtu=600\n--settings congestion=cubic\n\n+0 close(3) = 0 // not of the head\n",
        "rfc793_3_4_x",
    )
    assert (script.about, script.differs, script.linux_says) == ("What it shows, in two lines.", "it is slow", "late")
    assert (script.setup.sack, script.setup.mtu, script.setup.congestion) == (False, 600, "cubic")
    assert script.clause == "RFC 793 (3.4)"
    assert read("", "elsewhere").clause == ""


@pytest.mark.parametrize(
    ("written", "line", "column", "complaint"),
    [
        ("+0 < S 0:0(0)\n+0 close(3)", 2, 12, "here belongs '=', not the script's end"),
        ("+0 < S 0:5(0)", 1, 10, "0 and 0 bytes make 0, not 5"),
        ("+0 > X 0:0(0)", 1, 6, "flags are letters"),
        ("+0 < . 0:0(0) <...>", 1, 20, "options of its own"),
        ("+0 < . 0:0(0) <mss 70000>", 1, 20, "at most 65535"),
        ("+0 < . 0:0(0) <colour 3>", 1, 16, "there is no option 'colour'"),
        ("+0 < . 0:0(0) <sack 1:2 3>", 1, 26, "here belongs ':'"),
        ("+0~+1 < . 0:0(0)", 1, 7, "only a packet that is expected"),
        ("+2~+1 > . 0:0(0)", 1, 5, "ends before it begins"),
        ("+0...1 > . 0:0(0)", 1, 8, "only a system call blocks"),
        ("+0 fork() = 0", 1, 4, "there is no call fork"),
        ("+0 close(3, 4) = 0", 1, 4, "close takes 1 arguments, not 2"),
        ("+0 close(3) = -1 EWHAT", 1, 18, "there is no error 'EWHAT'"),
        ("+0 socket(..., SOCK_DGRAM, 0) = 3", 1, 4, "SOCK_STREAM"),
        ('+0 %{ assert __import__("os") }%', 1, 4, "more than can be said here"),
        ("+0 %{ assert mood == 1 }%", 1, 4, "there is no mood"),
        ("+0 %{ assert 1", 1, 4, "a claim that no }% ends"),
        ("+0 `sysctl -a`", 1, 4, "commands of the shell are not run"),
        ("+99999 close(3) = 0", 1, 2, "at most 3600 s"),
        ("\n--settings hats=1\n", 2, 1, "there is no setting 'hats'"),
        ("--settings mtu=7\n", 1, 1, "mtu is from"),
        ("--tolerance_usecs=3\n", 1, 1, "the only option is --settings"),
        ("+0 < icmp unreachable boredom", 1, 23, "there is no code 'boredom'"),
        ("+0 \x00", 1, 4, "a sign that means nothing here"),
        ("+0 poll(" + "[" * 60 + "1" + "]" * 60 + ", 1, 0) = 0", 1, 18, "too many brackets"),
        ("+0 close(" + "9" * 5000 + ") = 0", 1, 10, "at most"),
    ],
)
def test_what_is_refused_and_where(written: str, line: int, column: int, complaint: str) -> None:
    with pytest.raises(ScriptError) as caught:
        read(written)
    assert complaint in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


SOURCES = [path.read_text() for path in sorted(grounds.RFC.glob("*.pkt"))]
PIECES = sorted({word for source in SOURCES for word in source.split()})


def mutated(draw: random.Random) -> str:
    """One of our scripts after an accident: words lost, doubled, exchanged, cut, or of another script."""
    words = draw.choice(SOURCES).split(" ")
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(words))
        match draw.randrange(5):
            case 0:
                del words[at : at + draw.randint(1, 3)]
            case 1:
                words.insert(at, draw.choice(PIECES))
            case 2:
                words[at] = draw.choice(PIECES)
            case 3:
                words[at] = words[at][: draw.randint(0, len(words[at]))]
            case 4:
                words[at] = chr(draw.randrange(256)) + words[at]
        words = words or [""]
    return " ".join(words)


def understood_or_refused(text: str) -> Script | ScriptError:
    """Nothing else may come of any text."""
    try:
        return read(text)
    except ScriptError as error:
        return error


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_a_script_or_an_error_and_can_be_played(seed: int) -> None:
    draw = random.Random(seed)
    understood = 0
    for _ in range(150):
        text = mutated(draw)
        script = understood_or_refused(text)
        if isinstance(script, ScriptError):
            assert 1 <= script.line <= text.count("\n") + 1
            assert script.column >= 1
        else:
            understood += 1
            telling = on_netstack(script)
            assert len(telling.rows) <= len(script.events) + 1
    assert understood > 5, "noise that is never a script tries nothing"


@pytest.mark.parametrize("seed", range(3))
def test_any_text_at_all(seed: int) -> None:
    draw = random.Random(seed)
    signs = "+-*~<>=.:,()[]{}|%\"'`#/ \n0123456789SFRP.UEWackwinmss_\x00é雪"
    for _ in range(1000):
        text = "".join(draw.choice(signs) for _ in range(draw.randrange(60)))
        assert understood_or_refused("+0 " + text)


@pytest.mark.parametrize(
    ("claim", "failing"),
    [
        ("assert cwnd == 10", ""),
        ("assert cwnd == 10\nassert cwnd > 10", "cwnd > 10"),
        ("assert 9 < cwnd <= 10 and state == 'OPEN'", ""),
        ("assert not (state in ('SHUT', 'AJAR') or -cwnd + 2 * 5 != 0 / 1)", ""),
        ("assert state == 'SHUT'", "state == 'SHUT'"),
    ],
)
def test_claims(claim: str, failing: str) -> None:
    assert Assertion.parse(claim).failing({"cwnd": 10, "state": "OPEN"}) == failing


@pytest.mark.parametrize("claim", ["assert rto > 1", "assert state < 1", "assert state * 2 == 1", "assert 1 / 0"])
def test_claims_that_cannot_be_judged(claim: str) -> None:
    with pytest.raises(AssertionFault):
        Assertion.parse(claim).failing({"state": "OPEN"})


@pytest.mark.parametrize(
    "claim",
    ["", "cwnd == 10", "assert ()" + "." * 3, "assert cwnd.real", "assert [x for x in (1,)]", "assert 2 ** 9", "x = 1",
     "assert (lambda: 1)()", "assert f'{cwnd}'", "(" * 500, "assert cwnd == b'1'"],
)  # fmt: skip
def test_what_is_no_claim(claim: str) -> None:
    with pytest.raises(AssertionFault):
        Assertion.parse(claim)
