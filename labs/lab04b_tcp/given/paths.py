"""What stands where your `congestion.py` will: the same three calls, and no congestion control."""

AS_WIDE_AS_YOU_LIKE = 1 << 40


class Boundless:
    """Steps 7 to 9: as if the path could carry anything, and repeats were the timer's affair alone."""

    def __init__(self, mss: int = 1460, initial: int = AS_WIDE_AS_YOU_LIKE) -> None:
        self.window = initial

    def acknowledged(self, number: int, count: int) -> bool:
        return False

    def duplicate(self, *, in_flight: int, following: int) -> bool:
        return False

    def timed_out(self, *, in_flight: int, following: int) -> None:
        pass


class Recording(Boundless):
    """Step 8: remembers what it is told."""

    def __init__(self, mss: int = 1460, initial: int = AS_WIDE_AS_YOU_LIKE) -> None:
        super().__init__(mss, initial)
        self.heard: list[tuple[str, int, int]] = []

    def acknowledged(self, number: int, count: int) -> bool:
        self.heard.append(("acknowledged", number, count))
        return False

    def timed_out(self, *, in_flight: int, following: int) -> None:
        self.heard.append(("timed_out", in_flight, following))


class Counting(Boundless):
    """Step 10: the third duplicate in a row says that the oldest was lost, and nothing else changes."""

    def __init__(self, mss: int = 1460, initial: int = AS_WIDE_AS_YOU_LIKE) -> None:
        super().__init__(mss, initial)
        self.duplicates = 0

    def acknowledged(self, number: int, count: int) -> bool:
        self.duplicates = 0
        return False

    def duplicate(self, *, in_flight: int, following: int) -> bool:
        self.duplicates += 1
        return self.duplicates == 3


class Insisting(Boundless):
    """Step 10: asks for the oldest once more at whatever arrives."""

    def acknowledged(self, number: int, count: int) -> bool:
        return True
