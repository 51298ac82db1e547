import random

from labs.lab90_echo.scenes import asking

from labs.questions import Play, Question

DEFECTS = {"impatient": "it asks again too soon", "deaf": "it does not hear the answer", "silent": "it asks once only"}


def predict(key: str, play: Play) -> list[Question]:
    lost = random.Random(key).randint(2, 6)
    scene = asking(b"who?").scripted(f"drop a-b:question:1-{lost}")
    return [
        Question(
            "q1",
            f"The first {lost} questions are lost. How many are sent?",
            lambda: len(list(play(scene).frames("a-b"))),
            why="all that are lost, and one",
        )
    ]
