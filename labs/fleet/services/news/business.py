"""The business: what stands on the front page."""


def headline(day, score, price):
    """A line for the front page."""
    return f"day {day} ended {score[0]} to {score[1]}; next time for {price} groats"


def signed(line, caller):
    """With thanks to whoever has asked."""
    return f"{line} ({caller} wanted to know)"
