"""The business: who might change teams."""


def rumour(team, names, coach_says):
    """The shortest name of them all, for want of better knowledge."""
    return f"{min(names, key=len)} may leave {team}; {coach_says}" if names else f"{team} has nobody to lose"
