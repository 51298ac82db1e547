"""Drives a student's functions and classes from a script that the judge sends, one action at a time.

Each payload at the application port is one action in JSON; what came of it goes back the same way.

    {"call": "framing.encode", "arguments": […], "keywords": {…}}    a function or class of a module
    {"call": "decoder.feed", …}                                      a method of an object stored before
    {"get": "decoder.name"}                                          an attribute
    … "store": "decoder"                                             keep the result here under a name

The answer is `{"returned": value}` or `{"raised": [class name, text, traceback]}`, where the traceback shows the
student's own lines. It is the student's process that answers, so a
unit check convinces nobody by itself; each is confirmed by a check of frames.
"""

import importlib.util
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labs.testbed.program.boot import describe
from labs.testbed.program.host import Host
from labs.testbed.program.values import ValueTravelError, pack, unpack

stored: dict[str, Any] = {}


async def main(host: Host) -> None:
    async for payload in host.app:
        action = json.loads(payload)
        answer = json.dumps(perform(action)).encode()
        host.app.send_nowait(answer)


def perform(action: dict[str, Any]) -> dict[str, Any]:
    """Do one action, and tell what came of it; whatever the student's code raises is an answer too."""
    try:
        result = _do(action)
        if name := action.get("store"):
            stored[name] = result
            return {"returned": None}
        return {"returned": pack(_listed(result))}
    except ValueTravelError as error:
        return {"raised": ["ValueTravelError", str(error)]}
    except Exception as error:
        return {"raised": [type(error).__name__, str(error)[:500], _own_lines(error, action)]}


def _do(action: dict[str, Any]) -> Any:
    if "get" in action:
        return _find(action["get"])
    arguments = unpack(action["arguments"], stored.__getitem__)
    keywords = {name: unpack(value, stored.__getitem__) for name, value in action["keywords"].items()}
    return _find(action["call"])(*arguments, **keywords)


def _own_lines(error: Exception, action: dict[str, Any]) -> str:
    """The traceback of `error` without any line of ours; "" when none of the student's lines is in it."""
    told = describe(error, list(_folders(action)))
    return told[:2000] if 'File "' in told else ""


def _folders(action: dict[str, Any]) -> Iterator[Path]:
    first = str(action.get("call") or action.get("get")).split(".")[0]
    name = type(stored[first]).__module__ if first in stored else first
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.origin:
        yield Path(spec.origin).parent


def _find(path: str) -> Any:
    first, *rest = path.split(".")
    if first not in stored:
        return pkgutil.resolve_name(path)
    found = stored[first]
    for name in rest:
        found = getattr(found, name)
    return found


def _listed(result: Any) -> Any:
    """A generator's values, since a generator itself cannot travel."""
    return list(result) if hasattr(result, "__next__") else result
