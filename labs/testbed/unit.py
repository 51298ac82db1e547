r"""Unit checks: a script of actions and expectations, done in the student's process and judged in ours.

    script = Script("byte by byte")
    decoder = script.make("framing.Decoder", store="decoder")
    script.call("decoder.feed", b"\x00", returns=[], because="half a header is no frame yet")
    script.call("framing.encode", b"x" * 70_000, raises="ValueError", because="the length has 16 bits")
    judge.unit(script)

`drivers/unit.py` does the actions one after another on a host without links; what comes back is compared in order, up
to the first that is wrong. Each action is a line of the check's story. What a student's process says of itself is weak
evidence, so a step that has unit checks has a check of frames too.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mininet.topo import Topo

from labs.story.values import shown, side_by_side, written_out
from labs.testbed.judge import Broken, Judge, Told
from labs.testbed.program.values import Seen, Stored, ValueTravelError, pack, unpack
from labs.testbed.scene import Offering, Port, Program, Scene

HOST = "desk"
LONGEST_NAME = 60  # characters of an exception's name, which a hostile submission may have chosen


class _Desk(Topo):
    """One host, and no network."""

    def build(self, *args: object, **options: object) -> None:
        self.addHost(HOST)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of an action: the value that it returned, or the exception that it raised."""

    value: Any = None
    raised: str = ""
    text: str = ""
    where: str = ""

    def __str__(self) -> str:
        if not self.raised:
            return f"it returned {shown(self.value)}"
        return f"it raised {self.raised}:\n{self.where}" if self.where else f"it raised {self.raised}: {self.text}"

    @property
    def came(self) -> str:
        """The value, or the exception, to be shown beside what was expected."""
        return f"{self.raised}: {self.text}" if self.raised else written_out(self.value)


@dataclass(frozen=True, slots=True)
class _Expected:
    """What should come of an action: one of the exceptions `raises`, or what `returns` says."""

    returns: object = ...
    raises: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.raises:
            return f"it raises {' or '.join(self.raises)}"
        return "" if self.returns is ... or callable(self.returns) else written_out(self.returns)

    def complaint(self, answer: _Answer) -> str:
        """What is wrong with an answer; "" when nothing is."""
        if self.raises:
            return "" if answer.raised in self.raises else f"it should raise {' or '.join(self.raises)}; {answer}"
        if answer.raised:
            return str(answer)
        if self.returns is ...:
            return ""
        if callable(self.returns):
            return "" if _holds(self.returns, answer.value) else str(answer)
        return "" if _alike(self.returns, answer.value) else "\n".join(side_by_side(answer.value, self.returns))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Action:
    """One thing that the student's code is asked to do, and what should come of it."""

    request: dict[str, Any]
    shown: str
    because: str
    label: str
    expected: _Expected

    def __str__(self) -> str:
        return f"{self.shown}: {self.because}" if self.because else self.shown


@dataclass(slots=True)
class Script:
    """A list of actions with what each should come to. `name` appears in the story and in identities."""

    name: str
    _actions: list[_Action] = field(default_factory=list)

    def make(self, what: str, *arguments: object, store: str, keywords: Mapping[str, object] | None = None) -> Stored:
        """Make an object and keep it in the student's process as `store`; use the result as an argument later on."""
        action = {"call": what, **_packed(arguments, keywords or {}), "store": store}
        self._add(action, f"{store} = {_call(what, arguments, keywords or {})}", "", "", _Expected())
        return Stored(store)

    def call(
        self,
        what: str,
        *arguments: object,
        because: str,
        returns: object = ...,
        raises: str | tuple[str, ...] = (),
        keywords: Mapping[str, object] | None = None,
        label: str = "",
    ) -> None:
        """Call `module.function` or `object.method`.

        `returns` is the value expected, or a function of the value that tells whether it is right; left out, anything
        will do. `raises` names the exceptions one of which must come. `because` is the sentence that is true then.
        """
        action = {"call": what, **_packed(arguments, keywords or {})}
        expected = (raises,) if isinstance(raises, str) else raises
        self._add(action, _call(what, arguments, keywords or {}), because, label, _Expected(returns, expected))

    def get(self, what: str, *, because: str, returns: object = ..., label: str = "") -> None:
        """Look at an attribute, as in `decoder.waiting`."""
        self._add({"get": what}, what, because, label, _Expected(returns))

    def _add(self, request: dict[str, Any], shown: str, because: str, label: str, expected: _Expected) -> None:
        label = label or str(len(self._actions) + 1)
        self._actions.append(_Action(request=request, shown=shown, because=because, label=label, expected=expected))

    def scene(self) -> Scene:
        """One host without links, whose only program is the driver."""
        offers = tuple(Offering(json.dumps(action.request).encode()) for action in self._actions)
        return Scene(
            name=self.name,
            topology=_Desk,
            programs=(Program(host=HOST, file="unit.py"),),
            ports=(Port(host=HOST, offers=offers, enough=len(offers)),),
        )

    def examine(self, judge: Judge) -> None:
        """Have the script done, and compare; raises `Broken` at the first answer that is not as it should be."""
        played = judge.perform(self.scene())
        judge.played.append(played)
        answers = iter(played.trace.delivered(HOST))
        for number, action in enumerate(self._actions, 1):
            raw = next(answers, None)
            if raw is None:
                judge.expect_no_failures(played)
            answer = None if raw is None else _read(raw)
            complaint = "no answer came back" if answer is None else action.expected.complaint(answer)
            identity = f"unit:{self.name}:{action.label}{_raised(answer) if complaint else ''}"
            came = "nothing" if answer is None else answer.came
            judge.story.append(Told(identity, str(action), not complaint, came=came, wanted=str(action.expected)))
            if complaint:
                rest = [str(each) for each in self._actions[number:]]
                raise Broken(identity, str(action), found=complaint, not_reached=rest)


def is_script(scene: Scene) -> bool:
    """Whether a scene is that of a unit script."""
    return scene.topology is _Desk


def _raised(answer: _Answer | None) -> str:
    """What an unwanted exception adds to a failure's identity: two that differ in it are two mistakes."""
    if answer is None or not answer.raised:
        return ""
    return f":{answer.raised}" if answer.raised.isidentifier() and len(answer.raised) < LONGEST_NAME else ":?"


def _call(what: str, arguments: tuple[object, ...], keywords: Mapping[str, object]) -> str:
    written = [each.name if isinstance(each, Stored) else shown(each) for each in arguments]
    written += [f"{name}={shown(value)}" for name, value in keywords.items()]
    return f"{what}({', '.join(written)})"


def _packed(arguments: tuple[object, ...], keywords: Mapping[str, object]) -> dict[str, Any]:
    return {
        "arguments": [pack(each) for each in arguments],
        "keywords": {name: pack(value) for name, value in keywords.items()},
    }


def _read(raw: bytes) -> _Answer:
    """Read what the driver sent, which a hostile submission can have forged."""
    try:
        match json.loads(raw):
            case {"returned": value}:
                return _Answer(unpack(value))
            case {"raised": [str(kind), str(text), *where]}:
                return _Answer(raised=kind, text=text, where="".join(map(str, where)))
    except (ValueError, TypeError, RecursionError):
        pass
    return _Answer(raised="nothing known", text="the answer cannot be read")


def _holds(predicate: Callable[[Any], object], value: Any) -> bool:
    """Whether `predicate` accepts a value that may be of any type; one that it chokes on is wrong."""
    try:
        return bool(predicate(value))
    except (TypeError, ValueError, AttributeError, LookupError):
        return False


def _alike(expected: object, found: object) -> bool:
    """Equal, where a tuple is as good as a list."""
    try:
        return bool(_loose(unpack(pack(expected))) == _loose(found))
    except ValueTravelError:
        return False


def _loose(value: Any) -> Any:
    match value:
        case list() | tuple():
            return [_loose(each) for each in value]
        case dict():
            return {key: _loose(each) for key, each in value.items()}
        case Seen(kind, attributes):
            return kind, _loose(attributes)
    return value
