"""The business: the calendar on the kitchen wall."""


def entry(poster, referee):
    """One line of it."""
    return f"{poster} ({referee} blows the whistle)"
