"""The business: how a match ended. As the referee tells it."""


def score(day, pair, referee):
    """Goals of the home team and of the guests."""
    return (len(pair[0]) * (day + 1)) % 4, (len(pair[1]) + len(referee) * day) % 3
