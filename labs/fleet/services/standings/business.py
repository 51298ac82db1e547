"""The business: the table of the league."""


def table(results):
    """Points by team, best first: three for who has scored more, one each for a draw."""
    points = {}
    for (home, guests), (ours, theirs) in results:
        points[home] = points.get(home, 0) + (3 if ours > theirs else ours == theirs)
        points[guests] = points.get(guests, 0) + (3 if theirs > ours else ours == theirs)
    return sorted(points.items(), key=lambda item: (-item[1], item[0]))
