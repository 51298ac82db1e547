"""What Python complains of is found among the lines that a program prints."""

import pytest

from labs.story.complaints import complaints, forgotten_await

FORGOTTEN = (
    "hello\n"
    "/somewhere/teams.py:16: RuntimeWarning: coroutine 'AppPort.send' was never awaited\n"
    "  host.app.send(answer(team, names))\n"
    "RuntimeWarning: Enable tracemalloc to get the object allocation traceback\n"
    "  indented by the program itself\n"
)
RAISED = 'Traceback (most recent call last):\n  File "teams.py", line 3, in f\nZeroDivisionError: division\nbye\n'


def test_warnings_and_tracebacks_and_nothing_else() -> None:
    assert complaints(FORGOTTEN) == [
        "teams.py:16: RuntimeWarning: coroutine 'AppPort.send' was never awaited",
        "  host.app.send(answer(team, names))",
    ]
    assert complaints(RAISED) == RAISED.splitlines()[:-1]
    assert complaints("all: is well\n  Warning: none\n") == []


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (FORGOTTEN, "you forgot `await` at teams.py:16, `host.app.send(answer(team, names))`"),
        (FORGOTTEN.replace("host.app.send(", "x = ("), "`await` is missing before a call of `send`"),
        (FORGOTTEN.replace("AppPort.send", "main.<locals>.send"), "you forgot `await` at teams.py:16"),
    ],
)
def test_a_forgotten_await_has_a_hint_of_its_own(output: str, says: str) -> None:
    assert forgotten_await(output).startswith(says)


@pytest.mark.parametrize("output", ["", RAISED, "never awaited\n"])
def test_no_hint_without_such_a_warning(output: str) -> None:
    assert forgotten_await(output) == ""
