from collections.abc import Iterable

from labs.lab90_echo.kinds import classify
from labs.lab90_echo.topology import Pair

from labs.testbed.scene import Acting, Program, Scene, Send


class Asker:
    """Asks once, at once."""

    def __init__(self, question: bytes) -> None:
        self.question: bytes | None = question

    def receive(self, link: int, frame: bytes, *, now: int) -> Iterable[Send]:
        return ()

    def next_timer(self) -> int | None:
        return None if self.question is None else 1

    def handle_timer(self, *, now: int) -> Iterable[Send]:
        question, self.question = self.question, None
        return (Send(0, bytes(14) + b"?" + (question or b"")),)


def asked_by_the_judge(question: bytes) -> Scene:
    return Scene(
        name="asked",
        topology=Pair,
        programs=(Acting(host="a", make=lambda: Asker(question)), Program(host="b", file="answerer.py")),
        classify=classify,
    )
