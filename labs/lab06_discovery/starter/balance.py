"""Who gets the next question?

So far always the first. The handout, steps 4 and 5, says what to write.
"""

from mesh.instances import NoEndpoints


class LeastLoaded:
    """What is known of one endpoint: the number of requests under way. Times are seconds."""

    def begin(self, *, now: float) -> None:
        """A request goes there."""

    def end(self, took: float, *, now: float) -> None:
        """One is over; it took so many seconds."""

    def load(self, *, now: float) -> float:
        """What is compared."""
        return 0.0


class PeakEwma(LeastLoaded):
    """What is known of one endpoint: recent answer time × (requests under way + 1)."""

    def __init__(self, *, decay: float = 10.0, newcomer: float | None = None) -> None:
        pass


class TwoChoices:
    """Draws two endpoints and takes the less loaded. `make` makes what is known of a newcomer."""

    def __init__(self, *, randomness, make=LeastLoaded, is_available=lambda endpoint: True) -> None:
        self._endpoints = []

    def set_endpoints(self, endpoints) -> None:
        """These are there now; what is known of those that stay is kept."""
        self._endpoints = list(endpoints)

    def pick(self, *, now: float):
        """The endpoint for the next request; raises `NoEndpoints`."""
        return self._endpoints[0]

    def begin(self, endpoint, *, now: float) -> None:
        """A request goes to `endpoint`."""

    def end(self, endpoint, took: float, *, now: float) -> None:
        """A request to `endpoint` took so many seconds, whatever came of it."""
