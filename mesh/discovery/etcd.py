"""Discovery by etcd: an instance is a key under a *lease*, gone when nobody has kept the lease alive for its time.

    /services/players/a1    {"address": "10.0.0.2", "port": 8080, "attributes": {"zone": "eu"}, "status": "UP"}

etcd numbers all changes that it ever makes: its *revisions*. Who reads a range of keys is told at which revision, and
watches from the next one on; so nothing is missed between reading and watching, however long that took. A change makes
us read the range again. Since a watch that says nothing looks like one that was cut off, we read again after
`wait` seconds in any case.

Spoken by etcd's JSON gateway, over HTTP/1.1: keys and values in base64, whole numbers as strings. A watch is one
response without end, a line of JSON for each event; it is read here until the first.
"""

import base64
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import httptools
import trio

from mesh.beside import beside
from mesh.discovery import EVERYWHERE, CannotRegister, Found
from mesh.discovery.asking import JSON, Asker
from mesh.discovery.following import AGAIN, SourceFailed, chance, followed
from mesh.discovery.registry.wire import NotUnderstood, as_json, build_json, from_json, parse_json
from mesh.http import Request
from mesh.http.client import Connect
from mesh.http.http1 import build_request
from mesh.instances import Instance, Status

PORT = 2379


@dataclass(slots=True, eq=False)
class Etcd:
    """Discovery and registration by the etcd that `connect` leads to, below `root`. Times are seconds.

    A lease that is not kept alive for `lease_seconds` (whole ones) is over; it is renewed three times in that time.
    """

    connect: Connect
    authority: str = "etcd"
    root: str = "/services"
    lease_seconds: int = 9
    wait: float = 30.0
    patience: float = 5.0
    randomness: random.Random = field(default_factory=chance)
    _asker: Asker = field(init=False)

    def __post_init__(self) -> None:
        self._asker = Asker(self.connect, "etcd", self.authority, self.patience)

    @classmethod
    def at(cls, host: str, port: int = PORT, **options: Any) -> "Etcd":
        """The etcd at an address."""
        return cls(partial(trio.open_tcp_stream, host, port), authority=f"{host}:{port}", **options)

    @asynccontextmanager
    async def watch(self, service: str, query: Mapping[str, str] = EVERYWHERE) -> AsyncIterator[Found]:
        """The instances that fit, told of each change when it happens; raises `CannotDiscover`."""
        keys = _below(f"{self.root}/{service}/")

        async def follow(found: Found) -> NoReturn:
            while True:
                revision, instances = await self._read(service, keys)
                found.answered(each for each in instances if each.status is Status.UP and each.fits(query))
                await self._wait_for_change(keys, after=revision)

        async with self._asker.in_use(), followed(follow, self.randomness) as found:
            yield found

    @asynccontextmanager
    async def registered(self, instance: Instance) -> AsyncIterator[None]:
        """Be found within the block; raises `CannotRegister`."""
        async with self._asker.in_use():
            try:
                lease = await self._register(instance)
                async with beside(partial(self._keep_alive, instance, lease)):
                    yield
            except SourceFailed as failure:
                raise CannotRegister(str(failure)) from None
            finally:
                with trio.move_on_after(self.patience, shield=True), suppress(SourceFailed):
                    await self._ask("kv/deleterange", {"key": _base64(self._key(instance))})

    async def _register(self, instance: Instance) -> str:
        """Put the instance under a lease of its own; returns the lease."""
        granted = await self._ask("lease/grant", {"TTL": str(self.lease_seconds)})
        lease = str(granted.get("ID", ""))
        value = base64.b64encode(build_json(as_json(instance))).decode()
        await self._ask("kv/put", {"key": _base64(self._key(instance)), "value": value, "lease": lease})
        return lease

    async def _keep_alive(self, instance: Instance, lease: str) -> NoReturn:
        failures = 0
        while True:
            pause = AGAIN.wait(failures, randomness=self.randomness) if failures else self.lease_seconds
            await trio.sleep(min(pause, self.lease_seconds / 3))
            try:
                match await self._ask("lease/keepalive", {"ID": lease}):
                    case {"result": {"TTL": str(left)}} if left != "0":
                        pass
                    case _:  # it is over: etcd has heard nothing for too long
                        lease = await self._register(instance)
                failures = 0
            except SourceFailed:
                failures += 1

    async def _read(self, service: str, keys: Mapping[str, object]) -> tuple[int, list[Instance]]:
        """The instances under these keys, and at which revision they were."""
        match await self._ask("kv/range", keys):
            case {"header": {"revision": str(revision)}, **more} if revision.isdecimal():
                entries = more.get("kvs", [])
                return int(revision), [each for each in (_instance(service, entry) for entry in entries) if each]
            case said:
                raise self._asker.failed(f"this is no range: {str(said)[:200]}")

    def _key(self, instance: Instance) -> str:
        return f"{self.root}/{instance.service}/{instance.name}"

    async def _ask(self, what: str, said: Mapping[str, object]) -> dict[str, Any]:
        response = await self._asker.ask("POST", f"/v3/{what}", build_json(said))
        with suppress(NotUnderstood):
            answer = parse_json(response.body)
            if response.status == 200 and isinstance(answer, dict):
                return answer
        raise self._asker.failed(f"{response.status}, {response.body[:200].decode(errors='replace').strip()}")

    async def _wait_for_change(self, keys: Mapping[str, object], *, after: int) -> None:
        """Return when the keys change after that revision, or may have, or it is time to look again."""
        watch = build_json({"create_request": {**keys, "start_revision": str(after + 1)}})
        request = Request("POST", "/v3/watch", self.authority, JSON, watch)
        try:
            with trio.move_on_after(self.wait):
                async with await self.connect() as stream:
                    await stream.send_all(build_request(request))
                    lines = _Lines()
                    while not any(map(_is_news, lines)):
                        data = await stream.receive_some()
                        if not data:
                            raise self._asker.failed("the watch has ended")
                        lines.feed(bytes(data))
        except (OSError, trio.BrokenResourceError) as error:
            raise self._asker.failed(str(error)) from None
        except (httptools.HttpParserError, ValueError) as error:
            raise self._asker.failed(f"not what a watch says: {error}") from None


def _is_news(said: dict[str, Any]) -> bool:
    """Whether a line of a watch says more than that there is one now; raises `ValueError` for one that is none."""
    match said:
        case {"result": {"created": True, **more}}:
            return "canceled" in more  # the revision is too old to begin there: look again
        case {"result": {}}:
            return True
    raise ValueError(str(said)[:200])


class _Lines:
    """The lines of JSON of a response that does not end, as they come."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._rest = b""
        self.feed = self._parser.feed_data

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._rest += body

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> dict[str, Any]:
        """The next whole line that is there already; raises `ValueError` for what is no JSON."""
        line, end, rest = self._rest.partition(b"\n")
        if not end:
            raise StopIteration
        self._rest = rest
        said = json.loads(line)
        if not isinstance(said, dict):
            raise ValueError("a line of a watch is an object")
        return said


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _below(prefix: str) -> dict[str, object]:
    """All keys that begin with `prefix`: those up to the one where its last letter is the next one."""
    return {"key": _base64(prefix), "range_end": _base64(prefix[:-1] + chr(ord(prefix[-1]) + 1))}


def _instance(service: str, entry: Any) -> Instance | None:
    """What an entry of a range says; None if that is no instance."""
    try:
        name = base64.b64decode(entry["key"]).decode().rpartition("/")[2]
        return from_json(service, name, parse_json(base64.b64decode(entry["value"])))
    except (KeyError, TypeError, ValueError):
        return None
