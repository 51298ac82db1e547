"""What a registry and its clients say to each other: JSON over HTTP, so that people and curl can say it too.

    PUT    /services/players/a1            register: {"address": "10.0.0.2", "port": 8080, "attributes": {…}}
    PUT    /services/players/a1/heartbeat  renew the lease; 404: there is none, register (again)
    PUT    /services/players/a1/status     say something else of itself: "OUT_OF_SERVICE"; 404 as above
    DELETE /services/players/a1            go in order; 404 as above
    GET    /services                       all names, and how many instances of each are found: {"players": 3}
    GET    /services/players?where.environment=production&index=7&wait=30

The last is a *blocking query* (Consul's idea): each answer has an index, which grows with each change of that service.
Whoever names the index that it knows waits until there is a newer one, or until `wait` seconds are over, and so is told
of a change when it happens, with nothing but requests and answers:

    {"index": 8, "preserving": false, "instances": [{"name": "a1", "address": "10.0.0.2", …}]}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from mesh.instances import Instance, Status

PORT = 8500
WAIT, LONGEST_WAIT = 300.0, 600.0
"""Seconds that a query waits if it does not say, and at most. Consul's."""

WHERE = "where."


class NotUnderstood(ValueError):
    """What the other side said is none of the above."""


@dataclass(frozen=True, slots=True)
class Question:
    """Who of `service` fits `query`? If nothing is newer than `index`, that can wait for `wait` seconds."""

    service: str
    query: Mapping[str, str]
    index: int = 0
    wait: float = WAIT


@dataclass(frozen=True, slots=True)
class Answer:
    """These do. `preserving`: so many are silent that none is taken out, so some of these may be gone."""

    index: int
    instances: tuple[Instance, ...]
    preserving: bool = False


def path_of(service: str, *more: str) -> str:
    """Where a service, or one instance of it, is in the registry."""
    return "/" + "/".join(quote(word, safe="") for word in ("services", service, *more))


def parse_path(target: str) -> tuple[str, ...]:
    """The words of the path, without the query."""
    return tuple(unquote(word) for word in urlsplit(target).path.strip("/").split("/"))


def build_question(question: Question) -> str:
    """The target of the request that asks it."""
    asked = {f"{WHERE}{key}": value for key, value in question.query.items()}
    if question.index:
        asked |= {"index": str(question.index), "wait": f"{question.wait:g}"}
    return path_of(question.service) + ("?" + urlencode(asked) if asked else "")


def parse_question(target: str) -> Question:
    """The inverse; raises `NotUnderstood`."""
    words = parse_path(target)
    if len(words) != 2:
        raise NotUnderstood("ask for /services/NAME")
    query, said = {}, {"index": "0", "wait": str(WAIT)}
    for key, value in parse_qsl(urlsplit(target).query, keep_blank_values=True):
        if key.startswith(WHERE):
            query[key.removeprefix(WHERE)] = value
        elif key in said:
            said[key] = value
        else:
            raise NotUnderstood(f"{key!r} is neither index nor wait; an attribute is asked for by {WHERE}{key}=…")
    try:
        index, wait = int(said["index"]), float(said["wait"])
    except ValueError:
        raise NotUnderstood("index is a whole number, wait a number of seconds") from None
    if index < 0 or not 0 <= wait <= LONGEST_WAIT:
        raise NotUnderstood(f"index is not negative, wait is at most {LONGEST_WAIT:g} seconds")
    return Question(words[1], query, index, wait)


def build_answer(answer: Answer) -> bytes:
    """Its JSON."""
    instances = [as_json(instance) | {"name": instance.name} for instance in answer.instances]
    return build_json({"index": answer.index, "preserving": answer.preserving, "instances": instances})


def parse_answer(service: str, body: bytes) -> Answer:
    """The inverse; raises `NotUnderstood`."""
    said = parse_json(body)
    match said:
        case {"index": int(index), "preserving": bool(preserving), "instances": [*instances]} if index > 0:
            return Answer(index, tuple(_named(service, each) for each in instances), preserving)
    raise NotUnderstood("this is no answer of a registry")


def _named(service: str, said: Any) -> Instance:
    match said:
        case {"name": str(name)}:
            return from_json(service, name, said)
    raise NotUnderstood("an instance without a name")


def as_json(instance: Instance) -> dict[str, Any]:
    """What an instance registers with: all but its names."""
    return {
        "address": instance.address,
        "port": instance.port,
        "attributes": dict(instance.attributes),
        "status": instance.status.value,
    }


def from_json(service: str, name: str, said: Any) -> Instance:
    """The inverse; attributes and status may be missing. Raises `NotUnderstood`."""
    match said:
        case {"address": str(address), "port": int(port)} if address and 0 < port < 65536 and service and name:
            attributes = said.get("attributes", {})
            if isinstance(attributes, dict) and all(isinstance(value, str) for value in attributes.values()):
                return Instance(service, name, address, port, attributes, parse_status(said.get("status", "UP")))
    raise NotUnderstood('an instance is {"address": "10.0.0.2", "port": 8080, "attributes": {"zone": "eu"}}')


def parse_status(said: Any) -> Status:
    """Raises `NotUnderstood`."""
    try:
        return Status(said)
    except ValueError:
        raise NotUnderstood(f"a status is one of {', '.join(status.value for status in Status)}") from None


def build_json(value: object) -> bytes:
    """As short as it can be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def parse_json(body: bytes) -> Any:
    """Raises `NotUnderstood`."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(f"not JSON: {error}") from None
