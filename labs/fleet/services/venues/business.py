"""The business: who plays at home where, and how many may watch."""

VENUES = {"Herons": ("Lakeside", 800), "Otters": ("The Weir", 300), "Żubry": ("Puszcza", 2000)}


def home_of(team):
    """Name and seats of a team's own ground."""
    return VENUES.get(team, ("a meadow", 50))
