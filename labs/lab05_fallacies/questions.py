"""Lab 5's questions: which fallacy, and the number that shows it."""

from labs.questions import Play, Question


def diagnose(key: str, play: Play) -> list[Question]:
    """To come."""
    return []
