"""The business: who meets whom on which day."""

DAYS = (("Herons", "Otters"), ("Żubry", "雪豹"), ("Otters", "Żubry"))


def pairing(day):
    """Home team and guests."""
    return DAYS[day % len(DAYS)]


def announcement(day, sheets, venue):
    """What is printed on the poster."""
    return f"day {day}: {' against '.join(sheets)}, at {venue[0]}"
