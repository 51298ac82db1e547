"""Services that are declared: what they need stands in service.toml, what they answer is marked in the code."""

import tomllib
from contextlib import AsyncExitStack
from pathlib import Path

import courier

OPTIONS = {"timeout": float}
DECLARED = tomllib.loads((Path(__file__).parent / "service.toml").read_text(encoding="utf-8"))
HANDLERS = {}
NEEDS = {}


def answers(handler):
    """What is marked so is served by its name."""
    HANDLERS[handler.__name__] = handler
    return handler


def need(name):
    """The client of a service that is declared."""
    return NEEDS[name]


def checked(name, options):
    """The options of a client; a slip of the pen is found before the service starts."""
    for option, value in options.items():
        if not isinstance(value, OPTIONS.get(option, ())):
            raise SystemExit(f"service.toml: {name}: {option} = {value!r} is no option of a client")
    return options


async def run():
    """Open what is needed, and serve what is marked."""
    me = DECLARED["name"]
    async with AsyncExitStack() as stack:
        for name, options in DECLARED.get("needs", {}).items():
            opening = courier.client(name, me=me, **checked(name, options))
            NEEDS[name] = await stack.enter_async_context(opening)
        await courier.serve(me, HANDLERS)
