from labs.lab90_echo.kinds import classify
from labs.lab90_echo.topology import Pair

from labs.testbed.scene import Offering, Port, Program, Scene


def asking(*questions: bytes, **more) -> Scene:
    return Scene(
        name="asking",
        topology=Pair,
        programs=(Program(host="a", file="asker.py"), Program(host="b", file="answerer.py")),
        ports=(Port(host="a", offers=tuple(map(Offering, questions)), enough=len(questions)),),
        classify=classify,
        **more,
    )


SCENES = {"plain": asking(b"anyone?"), "lossy": asking(b"one?", b"two?").scripted("drop a-b:question:2")}
