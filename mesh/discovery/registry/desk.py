"""The registry's desk: what is asked, and what is answered. Pure: a request and the time go in, a response comes out.

A question that has no news yet comes back as a `Question`: whoever asked must wait, until `has_news` says that there is
some, or its time is over; then `answer` it in either case.

*Indexes.* Each change gets the next index, and each service has that of its last change. They only grow, also over a
restart if there is a store. A client that knows a higher one than the registry knew another life of it; it is answered
at once, and sees the index go backwards.

*After a restart* all who were stored have a fresh lease: a grace, as long as a lease. They need not register again,
and whoever has died meanwhile is found out one lease later than it would have been. Heartbeats are not stored, so
nothing is written as long as nothing changes.

*Without a store* it knows nobody after a restart, and if it said so, all who had an answer before would believe it.
`silent_for` makes it refuse questions (503) for so long, until all who are alive have registered again; who watches
keeps the last answer meanwhile. (Eureka waits for five minutes.) It is 0 unless said, for at the very first start
nobody is known before, and everybody would wait.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mesh.discovery.registry.wire import (
    Answer,
    NotUnderstood,
    Question,
    build_answer,
    build_json,
    from_json,
    parse_json,
    parse_path,
    parse_question,
    parse_status,
)
from mesh.http.message import Headers, Request, Response, text
from mesh.instances import Instance, NoLease, Status

JSON = Headers.of(content_type="application/json")
DONE = Response(204)


class Leases(Protocol):
    """What is asked of leases, `policies.leases.Registry` or anybody's. Times are seconds."""

    preserving: bool

    def register(self, instance: Instance, *, now: float) -> None: ...
    def renew(self, service: str, name: str, *, now: float) -> None: ...
    def set_status(self, service: str, name: str, status: Status, *, now: float) -> None: ...
    def cancel(self, service: str, name: str) -> None: ...
    def find(self, service: str, query: Mapping[str, str] | None = None) -> Sequence[Instance]: ...
    def next_timer(self) -> float | None: ...
    def handle_timer(self, *, now: float) -> Sequence[Instance]: ...
    def __iter__(self) -> Iterator[Instance]: ...


class Store(Protocol):
    """What outlives the process."""

    def load(self) -> tuple[int, Sequence[Instance]]: ...
    def keep(self, instance: Instance, *, index: int) -> None: ...
    def drop(self, service: str, name: str, *, index: int) -> None: ...


class NoStore:
    """Nothing does: after a restart everybody must register again."""

    def load(self) -> tuple[int, Sequence[Instance]]:
        """The first index, and nobody."""
        return 1, ()

    def keep(self, instance: Instance, *, index: int) -> None:
        """Forget it."""

    def drop(self, service: str, name: str, *, index: int) -> None:
        """It is forgotten already."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """Answers requests by `leases`. `now` is when it opens, in seconds on the clock of all other calls."""

    leases: Leases
    now: float
    store: Store = field(default_factory=NoStore)
    silent_for: float = 0.0
    index: int = field(init=False)
    _first: int = field(init=False)
    _indexes: dict[str, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.index, known = self.store.load()
        self._first = self.index
        for instance in known:
            self.leases.register(instance, now=self.now)

    def handle(self, request: Request, *, now: float) -> Response | Question:
        """The answer, or a question that can wait."""
        try:
            match request.method, *parse_path(request.target):
                case "GET", "services":
                    counts = Counter(each.service for each in self.leases if each.status is Status.UP)
                    return Response(200, JSON, build_json(dict(sorted(counts.items()))))
                case "GET", "services", str() if now < self.now + self.silent_for:
                    return text(503, "this registry has just begun, and does not know everybody yet\n")
                case "GET", "services", str():
                    question = parse_question(request.target)
                    return self.answer(question) if self.has_news(question) else question
                case method, "services", service, name, *what if service and name:
                    return self._told(method, service, name, what, request.body, now)
        except NotUnderstood as error:
            return text(400, f"{error}\n")
        except NoLease as error:
            return text(404, f"{error}\n")
        return text(404, "there are /services, /services/NAME and /services/NAME/INSTANCE here\n")

    def _told(self, method: str, service: str, name: str, what: list[str], body: bytes, now: float) -> Response:
        match method, *what:
            case ("PUT",):
                instance = from_json(service, name, parse_json(body))
                self.leases.register(instance, now=now)
                self.store.keep(instance, index=self._changed(service))
            case "PUT", "heartbeat":
                self.leases.renew(service, name, now=now)
            case "PUT", "status":
                self.leases.set_status(service, name, parse_status(parse_json(body)), now=now)
                instance = next(each for each in self.leases if (each.service, each.name) == (service, name))
                self.store.keep(instance, index=self._changed(service))
            case ("DELETE",):
                self.leases.cancel(service, name)
                self.store.drop(service, name, index=self._changed(service))
            case _:
                return text(405, "an instance takes PUT and DELETE; PUT to its heartbeat and its status\n")
        return DONE

    def _changed(self, service: str) -> int:
        self.index += 1
        self._indexes[service] = self.index
        return self.index

    def has_news(self, question: Question) -> bool:
        """Whether the answer is another one than whoever asks knows, or may be."""
        return question.index < self._index_of(question.service) or question.index > self.index

    def answer(self, question: Question) -> Response:
        """What is so at present."""
        found = self.leases.find(question.service, question.query)
        answer = Answer(self._index_of(question.service), tuple(found), self.leases.preserving)
        return Response(200, JSON, build_answer(answer))

    def _index_of(self, service: str) -> int:
        return self._indexes.get(service, self._first)

    def next_timer(self) -> float | None:
        """When the leases want to be looked at, or None."""
        return self.leases.next_timer()

    def handle_timer(self, *, now: float) -> None:
        """Look at them."""
        for gone in self.leases.handle_timer(now=now):
            self.store.drop(gone.service, gone.name, index=self._changed(gone.service))
