"""The golden numbers of a service: how many ask, how many are answered well, and how long that takes.

Three series suffice for all of it, Linkerd's: `request_total`, counted when a call begins; `response_total`, by how it
ended; and `response_latency_ms`, a histogram. Each grows and never shrinks, so that a reader who misses a reading loses
nothing, and readings of many processes may be added up; rates and percentiles are the reader's to take. The text is
Prometheus' exposition format.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

BOUNDS = tuple(step * decade for decade in (1, 10, 100, 1_000, 10_000) for step in (1, 2, 3, 4, 5))
"""Upper bounds of the histogram's buckets, in milliseconds; Linkerd's. One more bucket takes what is above all."""

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Histogram:
    """How many values were at most each of `BOUNDS`, milliseconds; and their sum."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, milliseconds: float) -> None:
        """Count one value."""
        self.buckets[bisect_left(BOUNDS, milliseconds)] += 1
        self.total += milliseconds

    def quantile(self, share: float) -> float:
        """The bound below which at least `share` of the values lie; NaN when there are none."""
        counts = list(accumulate(self.buckets))
        if not counts[-1]:
            return float("nan")
        place = bisect_left(counts, share * counts[-1])
        return BOUNDS[place] if place < len(BOUNDS) else float("inf")


@dataclass(slots=True)
class Calls:
    """All calls to one target. `status` is a name of `failures.Status`'s."""

    requests: int = 0
    responses: Counter[tuple[str, str]] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)

    def begin(self) -> None:
        """A call is made."""
        self.requests += 1

    def end(self, seconds: float, *, good: bool, status: str) -> None:
        """A call has ended after `seconds`."""
        self.responses["success" if good else "failure", status] += 1
        self.latency.add(seconds * 1000)

    @property
    def success_rate(self) -> float:
        """Good responses among all, 0 to 1; NaN before the first one."""
        good = sum(count for (kind, _), count in self.responses.items() if kind == "success")
        return good / self.responses.total() if self.responses else float("nan")


@dataclass(slots=True)
class Metrics:
    """The calls of one process, by labels that say to whom they went."""

    _calls: dict[Labels, Calls] = field(default_factory=dict)

    def calls(self, **labels: str) -> Calls:
        """The account of calls with these labels."""
        return self._calls.setdefault(tuple(sorted(labels.items())), Calls())

    def forget(self, **labels: str) -> None:
        """There will be no more calls with these labels: the target has gone."""
        self._calls.pop(tuple(sorted(labels.items())), None)

    def text(self) -> str:
        """All of it, as Prometheus reads it."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield "# TYPE request_total counter"
        for labels, calls in self._calls.items():
            yield f"request_total{_written(labels)} {calls.requests}"
        yield "# TYPE response_total counter"
        for labels, calls in self._calls.items():
            for (kind, status), count in sorted(calls.responses.items()):
                yield f"response_total{_written(labels, classification=kind, status=status)} {count}"
        yield "# TYPE response_latency_ms histogram"
        for labels, calls in self._calls.items():
            counts = list(accumulate(calls.latency.buckets))
            for bound, count in zip((*BOUNDS, "+Inf"), counts, strict=True):
                yield f"response_latency_ms_bucket{_written(labels, le=str(bound))} {count}"
            yield f"response_latency_ms_sum{_written(labels)} {calls.latency.total:.3f}"
            yield f"response_latency_ms_count{_written(labels)} {counts[-1]}"


_ESCAPES: Mapping[int, str] = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def _written(labels: Labels, **more: str) -> str:
    pairs = [*labels, *more.items()]
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in pairs) + "}" if pairs else ""
