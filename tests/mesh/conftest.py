"""Tests of services are async functions, run by trio on a clock that jumps: a wait of a minute takes none."""

import inspect

import pytest
import trio
import trio.testing


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test; leave others to pytest."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def run() -> None:
        with trio.fail_after(3600):
            await pyfuncitem.obj(**arguments)

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
    return True
