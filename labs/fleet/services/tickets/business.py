"""The business: what a seat costs. Whoever asks on behalf of the press pays nothing."""


def price(venue, caller):
    """In groats; small grounds are dear."""
    return 0 if caller == "news" else 5 + 1000 // venue[1]
