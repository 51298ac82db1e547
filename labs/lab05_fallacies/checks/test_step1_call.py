"""Step 1: the standard call, by itself, and many under way on one connection."""

from functools import partial
from typing import Any

import pytest

from labs.lab04_stack.evidence import spoken
from labs.lab05_fallacies.peers import heard, messages_in, offering, replying, requesting, said, typing
from labs.lab05_fallacies.scenes import APPLICATION, PORT, program
from labs.testbed.judge import Judge
from labs.testbed.program.values import Seen
from labs.testbed.scene import Offering, Port, Scene
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("1")

HERONS = {"team": "Herons"}


def _is(kind: str, wanted: dict[str, Any], value: object) -> bool:
    """Whether what came back is an object of that class with these attributes, and of these very types."""
    if not isinstance(value, Seen) or value.kind != kind:
        return False
    return all(name in value.attributes and _same(value.attributes[name], each) for name, each in wanted.items())


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _request(number: int, method: str, arguments: dict[str, Any], identity: str = "") -> partial[bool]:
    return partial(_is, "Request", {"id": number, "method": method, "arguments": arguments, "identity": identity})


def _reply(number: int, result: object = None, error: str = "") -> partial[bool]:
    return partial(_is, "Reply", {"id": number, "result": result, "error": error})


@pytest.mark.seeds(1)
def test_the_bytes_of_a_call(judge: Judge) -> None:
    """A request and a reply are written as the handout says, byte by byte."""
    script = Script("encode")
    number = script.make("call.Reply", 7, 5, store="number")
    script.call("call.encode", number, returns=_without_blanks, because="without blanks", label="blanks")
    for label, kind, arguments, wanted, because in (
        ("result", "Reply", (7, ["Ada", "Grace"]), b'{"id":7,"result":["Ada","Grace"]}', "a result, and no error"),
        ("nothing", "Reply", (7, None), b'{"id":7,"result":null}', "None is a result like any other"),
        ("empty", "Reply", (7, []), b'{"id":7,"result":[]}', "nobody is an answer"),
        ("error", "Reply", (7, None, "no"), b'{"id":7,"error":"no"}', "an error, and no result"),
        ("identity-none", "Request", (6, "of", HERONS), _without_identity, "an empty identity is left out"),
        (
            "request",
            "Request",
            (7, "of", HERONS),
            b'{"id":7,"method":"of","arguments":{"team":"Herons"}}',
            "the members stand in this order",
        ),
        (
            "letters",
            "Request",
            (8, "of", {"team": "雪豹"}),
            '{"id":8,"method":"of","arguments":{"team":"雪豹"}}'.encode(),
            "letters stand for themselves, in UTF-8",
        ),
        (
            "identity",
            "Request",
            (9, "sign", {"team": "Herons", "player": "Nia"}, "a1"),
            b'{"id":9,"method":"sign","arguments":{"team":"Herons","player":"Nia"},"identity":"a1"}',
            "an identity comes last",
        ),
    ):
        made = script.make(f"call.{kind}", *arguments, store=label)
        script.call("call.encode", made, returns=wanted, because=because, label=label)
    judge.unit(script)


def _without_blanks(data: bytes) -> bool:
    return b" " not in data


def _without_identity(data: bytes) -> bool:
    return b"identity" not in data


@pytest.mark.seeds(1)
def test_a_call_is_read(judge: Judge) -> None:
    """Requests and replies are read, in whichever order their members stand; unknown members are passed over."""
    script = Script("parse")
    for label, data, wanted, because in (
        ("request", said({"id": 7, "method": "of", "arguments": HERONS}), _request(7, "of", HERONS), "as written"),
        (
            "identity",
            said({"id": 2, "method": "sign", "arguments": {}, "identity": "a1"}),
            _request(2, "sign", {}, "a1"),
            "an identity is kept",
        ),
        ("result", said({"id": 7, "result": ["Ada"]}), _reply(7, ["Ada"]), "a result"),
        ("null", said({"id": 7, "result": None}), _reply(7), "null is a result"),
        ("error", said({"id": 3, "error": "no"}), _reply(3, None, "no"), "an error"),
        ("zero", said({"id": 1, "result": 0}), _reply(1, 0), "0 is a result"),
        ("order", b'{ "result" : 1,\n "id": 1 }', _reply(1, 1), "others may put blanks, and another order"),
        (
            "more",
            said({"id": 7, "trace": "x", "method": "of", "arguments": HERONS}),
            _request(7, "of", HERONS),
            "who does not know a member passes it over: tomorrow's callers may say more",
        ),
        ("letters", said({"id": 1, "result": "李娜"}), _reply(1, "李娜"), "UTF-8"),
        ("escaped", b'{"id":1,"result":"\\u674e\\ud83d\\ude00"}', _reply(1, "李😀"), "others may escape letters"),
        ("large", said({"id": 1 << 70, "result": 1}), _reply(1 << 70, 1), "a whole number, however large"),
        (
            "more-in-a-reply",
            said({"id": 7, "result": 5, "identity": 5, "arguments": [], "trace": None}),
            _reply(7, 5),
            "a reply knows no identity and no arguments: it passes them over",
        ),
    ):
        script.call("call.parse", data, returns=wanted, because=because, label=label)
    judge.unit(script)


BAD = {
    "empty": b"",
    "words": b"hello?",
    "half": b'{"id":7,"result"',
    "letters": b'{"id":7,"result":"\xff\xfe"}',
    "utf-16": '{"id":7,"result":[]}'.encode("utf-16-le"),
    "mark": b'\xef\xbb\xbf{"id":7,"result":[]}',
    "surrogate": b'{"id":7,"result":"\xed\xa0\x80"}',
    "half-a-letter": b'{"id":7,"result":["\\ud800"]}',
    "half-a-letter-named": b'{"id":7,"method":"of","arguments":{"\\udc00":1}}',
    "not-a-number": b'{"id":7,"result":NaN}',
    "infinity": b'{"id":7,"result":[-Infinity]}',
    "long-number": b'{"id":7,"result":' + b"7" * 5000 + b"}",
    "deep": b"[" * 30_000,
    "list": b'[7,"of"]',
    "number": b"7",
    "no-id": b'{"result":[]}',
    "id-text": b'{"id":"7","result":[]}',
    "id-true": b'{"id":true,"result":[]}',
    "id-zero": b'{"id":0,"result":[]}',
    "id-half": b'{"id":1.5,"result":[]}',
    "id-point": b'{"id":7.0,"result":[]}',
    "neither": b'{"id":7}',
    "two": b'{"id":7,"method":"of","arguments":{},"result":[]}',
    "both": b'{"id":7,"result":[],"error":"no"}',
    "result-and-null": b'{"id":7,"result":[],"error":null}',
    "method-and-null": b'{"id":7,"method":"of","arguments":{},"error":null}',
    "error-null": b'{"id":7,"error":null}',
    "error-empty": b'{"id":7,"error":""}',
    "method-number": b'{"id":7,"method":1,"arguments":{}}',
    "method-empty": b'{"id":7,"method":"","arguments":{}}',
    "no-arguments": b'{"id":7,"method":"of"}',
    "arguments-list": b'{"id":7,"method":"of","arguments":["Herons"]}',
    "identity-number": b'{"id":7,"method":"of","arguments":{},"identity":5}',
    "identity-null": b'{"id":7,"method":"of","arguments":{},"identity":null}',
    "identity-zero": b'{"id":7,"method":"of","arguments":{},"identity":0}',
    "identity-list": b'{"id":7,"method":"of","arguments":{},"identity":[]}',
    "identity-false": b'{"id":7,"method":"of","arguments":{},"identity":false}',
}


@pytest.mark.seeds(1)
def test_whatever_is_no_call(judge: Judge) -> None:
    """Whatever bytes come that are no call, it is `CallError`, and nothing else."""
    script = Script("bad")
    for label, data in BAD.items():
        script.call(
            "call.parse", data, raises="CallError", because="that is neither a request nor a reply", label=label
        )
    judge.unit(script)


@pytest.mark.seeds(1)
def test_calls_under_way(judge: Judge) -> None:
    """Calls are numbered from 1, answered in any order, once; who gives up is not told; nobody else is answered."""
    script = Script("calls")
    calls = script.make("call.Calls", store="calls").name
    for n, team in enumerate(("Herons", "Otters", "雪豹", "Żubry"), 1):
        wanted = _request(n, "of", {"team": team})
        script.call(f"{calls}.begin", "of", {"team": team}, returns=wanted, because=f"the number {n}", label="begin")
    made = {(n, error): script.make("call.Reply", n, None, error, store=f"reply{n}{error}")
            for n, error in ((1, ""), (2, ""), (3, "no"), (4, ""), (5, ""), (6, ""), (9, ""))}  # fmt: skip
    script.call(f"{calls}.waiting", returns=[1, 2, 3, 4], because="all four wait", label="waiting")
    script.call(f"{calls}.finish", made[3, "no"], returns=True, because="the third is answered first", label="third")
    script.call(f"{calls}.waiting", returns=[1, 2, 4], because="three wait, oldest first", label="waiting-three")
    script.call(f"{calls}.finish", made[3, "no"], raises="CallError", because="it was answered", label="twice")
    script.call(f"{calls}.finish", made[9, ""], raises="CallError", because="9 was never asked", label="never")
    script.call(
        f"{calls}.begin", "of", HERONS, returns=_request(5, "of", HERONS), because="no number comes twice", label="next"
    )
    script.call(f"{calls}.give_up", 2, because="nobody waits for 2", label="give-up")
    script.call(f"{calls}.finish", made[2, ""], returns=False, because="an answer too late is no mistake", label="late")
    script.call(f"{calls}.finish", made[2, ""], raises="CallError", because="but a second one is", label="late-twice")
    script.call(f"{calls}.give_up", 5, because="nobody waits for 5", label="give-up-another")
    script.call(f"{calls}.waiting", returns=[1, 4], because="two wait", label="waiting-two")
    script.call(f"{calls}.give_up", 5, because="nobody waits for 5, and nobody did before", label="give-up-again")
    script.call(f"{calls}.waiting", returns=[1, 4], because="giving up twice is giving up", label="waiting-still")
    wanted = _request(6, "of", HERONS, "a1")
    script.call(f"{calls}.begin", "of", HERONS, "a1", returns=wanted, because="with an identity", label="identity")
    script.call(f"{calls}.give_up", 3, because="too late to give up: it has been answered", label="give-up-late")
    script.call(f"{calls}.finish", made[3, "no"], raises="CallError", because="it stays answered", label="stays")
    for n in (6, 1, 4):
        script.call(f"{calls}.finish", made[n, ""], returns=True, because=f"somebody waits for {n}", label="rest")
    script.call(f"{calls}.waiting", returns=[], because="nobody waits", label="waiting-none")
    script.call(f"{calls}.finish", made[5, ""], returns=False, because="5 comes late", label="late-again")
    script.call(
        f"{calls}.begin", "of", HERONS, returns=_request(7, "of", HERONS), because="no number comes twice, ever",
        label="begin-again",
    )  # fmt: skip
    another = script.make("call.Calls", store="another").name
    script.call(f"{another}.waiting", returns=[], because="nobody asked on this connection", label="another-waiting")
    wanted = _request(1, "of", HERONS)
    script.call(
        f"{another}.begin", "of", HERONS, returns=wanted, because="each connection begins with 1", label="another"
    )
    judge.unit(script)


def test_many_on_one_connection(judge: Judge) -> None:
    """Six calls are under way on one connection; the judge answers in another order, and one of them too late."""
    source = judge.random
    teams = [f"Team {source.randrange(1000)}" for _ in range(6)]
    names = {n: [f"{source.choice('ABC')}{source.randrange(100)}" for _ in range(n % 3)] for n in range(1, 7)}
    order = list(range(1, 7))
    source.shuffle(order)
    late, refused = order[3], order[1]
    replies = {n: replying(n, error="no") if n == refused else replying(n, result=names[n]) for n in order}
    typed = [(SECOND + n * MILLISECOND, replies[each]) for n, each in enumerate(order) if each != late]
    scene = Scene(
        name="many",
        topology=APPLICATION.topology,
        programs=(typing("b", port=PORT), program("a", "many.py", patience=3.0)),
        ports=(
            Port(host="a", offers=tuple(Offering(team.encode(), SECOND // 2) for team in teams)),
            Port(host="b", name="line", program="line", offers=offering(*typed, (4 * SECOND, replies[late]))),
        ),
        classify=APPLICATION.classify,
    )
    trace = judge.play(scene)
    wanted = b"".join(requesting(n, "of", {"team": team}) for n, team in enumerate(teams, 1))
    stream = heard(trace, "b")
    judge.expect(
        "many:requests",
        stream == wanted,
        "six requests come at once over one connection, as the handout says",
        found=f"{len(list(messages_in(stream)))} came; the first bytes are {spoken(trace, 'a-b')[:60]!r}",
    )
    told = {
        late: b"no answer within 3 s",
        refused: b"no",
        **{n: ", ".join(names[n]).encode() for n in order if n not in (late, refused)},
    }
    expected = [teams[n - 1].encode() + b": " + told[n] for n in (*(each for each in order if each != late), late)]
    got = trace.delivered("a")
    judge.expect(
        "many:answers",
        got == expected,
        "each answer reaches whoever asked, in the order in which they come; one that comes too late reaches nobody",
        found=f"{got}, and not {expected}",
    )


def test_an_answer_to_nobody(judge: Judge) -> None:
    """An answer to what was never asked ends the connection: whoever says such things cannot be relied on."""
    asked = judge.random.randint(2, 5)
    scene = Scene(
        name="an-answer-to-nobody",
        topology=APPLICATION.topology,
        programs=(typing("b", port=PORT), program("a", "many.py", patience=9.0)),
        ports=(
            Port(host="a", offers=tuple(Offering(b"Herons") for _ in range(asked))),
            Port(
                host="b",
                name="line",
                program="line",
                offers=offering((SECOND, replying(asked + 1, result=[]) + replying(1, result=[]))),
            ),
        ),
        classify=APPLICATION.classify,
    )
    got = judge.play(scene).delivered("a")
    judge.expect(
        "nobody:gone",
        got == [b"Herons: the connection is gone"] * asked,
        f"the {asked} who wait are told at once that the connection is gone",
        found=str(got),
    )
