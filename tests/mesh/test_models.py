"""Each policy beside a model that is too slow and too plain to be wrong: it keeps all that ever happened in a list, and
looks through the list to answer. Hypothesis makes up the histories. Times are multiples of a quarter of a second, which
floats hold exactly, so that "at" a boundary means at it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from mesh.policies.accrual import FailureAccrual
from mesh.policies.backoff import Backoff
from mesh.policies.breaker import Breaker
from mesh.policies.budget import RetryBudget
from mesh.policies.deadline import format_timeout, parse_timeout
from mesh.policies.hedging import Hedging
from mesh.policies.limits import Bulkhead, RateLimit, Shedding
from mesh.policies.outlier import OutlierDetection

Event = tuple[float, str]

quarters = st.sampled_from([0, 0, 0, 1, 2, 4, 8, 20, 40, 120, 1200]).map(lambda count: count / 4)
long = {"min_size": 30, "max_size": 60}  # left alone, Hypothesis makes lists of about five


def histories(*what: str) -> st.SearchStrategy[list[Event]]:
    """What happens, and how many seconds after what came before; often several times in a row."""
    several = st.tuples(quarters, st.sampled_from(what), st.sampled_from([1, 1, 1, 2, 5, 6]))
    return st.lists(several, **long).map(
        lambda steps: [(wait if first else 0.0, each) for wait, each, times in steps for first in _firsts(times)]
    )


def _firsts(times: int) -> list[bool]:
    return [True] + [False] * (times - 1)


def at_times(steps: Sequence[tuple[float, str]]) -> list[Event]:
    now, events = 0.0, []
    for step, what in steps:
        now += step
        events.append((now, what))
    return events


def lately(events: list[Event], what: str, now: float) -> int:
    """How often in the present second and the nine before it."""
    return sum(kind == what and int(now) - 10 < int(when) for when, kind in events)


@given(
    histories("request", "request", "request", "retry"),
    st.sampled_from([Fraction(0), Fraction(1, 5), Fraction(1)]),
    st.sampled_from([0, 1, 10]),
)
def test_the_retry_budget(steps: list[Event], share: Fraction, reserve: int) -> None:
    budget, events = RetryBudget(share=float(share), reserve=reserve), list[Event]()
    for now, what in at_times(steps):
        if what == "request":
            budget.request(now=now)
            events.append((now, what))
            continue
        paid = share * lately(events, "request", now) + 10 * reserve
        may = lately(events, "retry", now) + 1 <= paid
        assert budget.may_retry(now=now) is may
        if may:
            events.append((now, what))


@dataclass
class BreakerModel:
    """Where a circuit stands follows from when it opened last, and from what came of the calls since it closed."""

    events: list[Event] = field(default_factory=list)
    opened: float | None = None
    probing: bool = False

    def may_pass(self, now: float) -> bool:
        if self.opened is None:
            return True
        if now < self.opened + 5 or self.probing:
            return False
        self.probing = True
        return True

    def end(self, what: str, now: float, *, half_open: bool) -> None:
        if what != "abandoned":
            self.events.append((now, what))
        failures = lately(self.events, "failed", now)
        total = failures + lately(self.events, "succeeded", now)
        if half_open and what == "succeeded":
            self.opened, self.events = None, []
        elif half_open and what == "abandoned":
            self.probing = False
        elif what == "failed" and (half_open or (self.opened is None and total >= 4 and failures / total >= 0.5)):
            self.opened, self.probing = now, False


@given(histories("may_pass", "failed", "failed", "succeeded", "abandoned"))
def test_the_breaker(steps: list[Event]) -> None:
    """A call ends that began some time ago, or else one that begins now."""
    breaker, model, under_way = Breaker(requests=4), BreakerModel(), 0
    half_open = False
    for now, what in at_times(steps):
        if what == "may_pass" or not under_way:
            may = model.may_pass(now)
            half_open = model.opened is not None and now >= model.opened + 5
            assert breaker.may_pass(now=now) is may
            under_way += may
        if what != "may_pass" and under_way:
            under_way -= 1
            getattr(breaker, what)(now=now)
            model.end(what, now, half_open=half_open)
            half_open = half_open and what == "abandoned"


@dataclass
class AccrualModel:
    """An endpoint's whole history, and the times at which it died."""

    events: list[Event] = field(default_factory=list)
    died: float | None = None
    relapses: int = 0
    probing: bool = False

    def is_available(self, now: float) -> bool:
        pause = min(300, 5 * 2 ** (self.relapses - 1))
        return self.died is None or (now >= self.died + pause and not self.probing)

    def end(self, what: str, now: float) -> None:
        probing, self.probing = self.probing, False
        if what == "ignored":
            return
        if probing and what == "succeeded":
            self.died, self.relapses, self.events = None, 0, []
        self.events.append((now, what))
        if what == "failed" and (probing or (self.died is None and self.is_too_much(now))):
            self.died, self.relapses = now, self.relapses + 1
            self.events.append((now, "died"))

    def is_too_much(self, now: float) -> bool:
        row = [what for _, what in self.events[-5:]]
        recent = [what for when, what in self.events if when > now - 30 and what != "died"]
        return row == ["failed"] * 5 or (len(recent) >= 5 and recent.count("succeeded") < 0.8 * len(recent))


@given(histories("begin", "begin", "failed", "failed", "succeeded", "ignored"))
def test_failure_accrual(steps: list[Event]) -> None:
    backoff = Backoff(first=5, most=300, jitter="none")
    accrual, model, under_way = FailureAccrual(randomness=random.Random(1), backoff=backoff), AccrualModel(), 0
    for now, what in at_times(steps):
        assert accrual.is_available(now=now) is model.is_available(now)
        if what == "begin":
            model.probing = model.probing or (model.died is not None and model.is_available(now))
            accrual.begin(now=now)
            under_way += 1
        elif under_way:
            under_way -= 1
            getattr(accrual, what)(now=now)
            model.end(what, now)


@dataclass
class OutlierModel:
    """Envoy's detector with its timer: the sweeps are made one by one, and look at each host."""

    hosts: list[str]
    most_percent: int
    always_one: bool
    row: dict[str, int] = field(default_factory=dict)
    out_since: dict[str, float] = field(default_factory=dict)
    multiplier: dict[str, int] = field(default_factory=dict)
    swept: float = 0
    overflows: int = 0

    def sweep(self, now: float) -> None:
        while self.swept + 10 <= now:
            self.swept += 10
            for host in self.hosts:
                if host not in self.out_since:
                    self.multiplier[host] = max(0, self.multiplier.get(host, 0) - 1)
                elif self.swept >= self.out_since[host] + min(300, 30 * self.multiplier[host]):
                    del self.out_since[host]

    def end(self, host: str, good: bool, now: float) -> None:
        if host in self.out_since:
            return
        self.row[host] = 0 if good else self.row.get(host, 0) + 1
        if self.row[host] == 5:
            self.row[host] = 0
            share = 100 * (len(self.out_since) + 1) / len(self.hosts)
            if share <= self.most_percent or (self.always_one and not self.out_since):
                self.out_since[host] = now
                self.multiplier[host] = self.multiplier.get(host, 0) + 1
            else:
                self.overflows += 1


hosts_fail = st.lists(
    st.tuples(quarters, st.sampled_from(["a", "a", "a", "b", "c", "d"]), st.sampled_from([0, 5, 5])), **long
)


@given(hosts_fail, st.sampled_from([10, 25, 34, 50, 100]), st.booleans(), st.sampled_from(["abc", "abcd"]))
def test_outlier_detection(steps: list[tuple[float, str, int]], most: int, always_one: bool, hosts: str) -> None:
    """Each step is five failures of a host, or one success."""
    detection = OutlierDetection(most_percent=most, always_one=always_one)
    detection.set_endpoints(list(hosts))
    model = OutlierModel(list(hosts), most, always_one)
    now = 0.0
    for step, host, failures in steps:
        now += step
        model.sweep(now)
        if host in hosts and not failures:
            detection.succeeded(host, now=now)
            model.end(host, True, now)
        for _ in range(failures if host in hosts else 0):
            detection.failed(host, now=now)
            model.end(host, False, now)
        assert set(detection.ejected(now=now)) == set(model.out_since)
        assert detection.overflows == model.overflows
        left = len(hosts) - len(model.out_since)
        panic = left < len(hosts) / 2
        assert detection.in_panic(now=now) is panic
        assert [detection.is_available(host, now=now) for host in hosts] == [
            panic or host not in model.out_since for host in hosts
        ]


@given(st.lists(quarters, **long), st.sampled_from([1, 4]), st.sampled_from([1, 2, 10]))
def test_the_rate_limit(steps: list[float], rate: int, burst: int) -> None:
    """By definition: in no span of time do more pass than the burst and the rate times its length."""
    limit, now, passed = RateLimit(rate=rate, burst=burst), 0.0, list[float]()
    for step in steps:
        now += step
        together = [*passed, now]
        may = all(len(together[index:]) <= burst + rate * (now - since) for index, since in enumerate(together))
        wait = limit.wait(now=now)
        assert limit.allow(now=now) is may
        assert (wait == 0) is may
        if may:
            passed.append(now)


@given(histories("come", "come", "finish", "give up"), st.integers(0, 3), st.integers(0, 3))
def test_the_bulkhead(steps: list[Event], most: int, waiting: int) -> None:
    """People in two rooms."""
    bulkhead, inside, outside = Bulkhead(most=most, waiting=waiting), list[int](), list[int]()
    for number, (_, what) in enumerate(steps):
        if what == "come":
            enters = bulkhead.enter()
            assert enters is (len(inside) < most)
            if enters:
                inside.append(number)
            else:
                queues = bulkhead.queue()
                assert queues is (len(outside) < waiting)
                outside += [number] * queues
        elif what == "finish" and inside:
            inside.pop()
            bulkhead.leave()
        elif what == "give up" and outside:
            outside.pop()
            bulkhead.leave_queue()
        assert (bulkhead.active, bulkhead.queued) == (len(inside), len(outside))


@given(st.lists(st.tuples(quarters, st.integers(0, 3)), **long))
def test_shedding(steps: list[tuple[float, int]]) -> None:
    """Patience is short when nobody has found the queue empty within the interval."""
    shedding, now, found_empty = Shedding(target=0.25, interval=1), 0.0, [0.0]
    for step, waiting in steps:
        now += step
        if not waiting:
            found_empty.append(now)
        recently = any(when >= now - 1 for when in found_empty)
        assert shedding.patience(waiting, now=now) == (1 if recently else 0.25)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), min_size=60, max_size=120))
def test_hedging(steps: list[tuple[bool, int]]) -> None:
    """Of the last 40 answers it knows the slowest fourth, and hedges no more than a fourth, or one."""
    hedging, answers, hedged = Hedging(percentile=0.75, remembered=40, least=4, share=0.25), list[int](), list[int]()
    for hedge, seconds in steps:
        last = answers[-40:]
        expected = sorted(last)[len(last) * 3 // 4] if len(last) >= 4 else None
        assert hedging.wait() == expected
        if hedge:
            may = sum(number > len(answers) - 40 for number in hedged) < max(1, len(last) // 4)
            assert hedging.may_hedge() is may
            hedged += [len(answers)] * may
        hedging.answered(seconds)
        answers.append(seconds)


hops = st.tuples(st.floats(0, 2), st.none() | st.floats(0, 5))


@given(st.floats(0, 10), st.lists(hops, min_size=1, max_size=6))
def test_a_deadline_across_hops_is_the_earliest_of_all(first: float, path: list[tuple[float, float | None]]) -> None:
    """Each hop takes a while, then calls the next, perhaps with a timeout of its own; one clock sees them all.

    Eight digits say up to 99 seconds to the microsecond, rounded up: nobody gives up before the first one would have.
    """
    now, left = 0.0, first
    earliest = first
    for took, own in path:
        now += took
        left = max(0.0, left - took)
        if own is not None:
            left, earliest = min(left, own), min(earliest, now + own)
        left = parse_timeout(format_timeout(left))
    assert -1e-9 <= now + left - max(now, earliest) <= 1e-6 * len(path) + 1e-9


@given(st.integers(1, 40), st.sampled_from(["none", "equal", "full"]), st.integers(0, 1000))
def test_backoff(tries: int, jitter: str, seed: int) -> None:
    whole = 1.0
    for _ in range(tries - 1):
        whole = min(60.0, 2 * whole)
    least = {"none": whole, "equal": whole / 2, "full": 0}[jitter]
    backoff = Backoff(first=1, most=60, jitter=jitter)  # type: ignore[arg-type]
    assert least <= backoff.wait(tries, randomness=random.Random(seed)) <= whole
