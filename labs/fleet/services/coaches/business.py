"""The business: who trains which team, and what a training session looks like."""

COACHES = {"Herons": "Margaret", "Otters": "Alan", "雪豹": "陈静"}


def session(team, names):
    """A line for the notice board."""
    return f"{COACHES.get(team, 'nobody')} trains {len(names)} of {team}"
