"""A client of the registry: it asks, waits for changes, and keeps its own instances registered.

While the registry is away, whoever watches keeps the last answer. A registry that is *killed* is noticed at once, its
connections end; one that is *cut off* only when an answer is overdue, so `Found.failure` may be late by the time of one
waiting query (`wait`, a sixteenth more, and `patience`).
"""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NoReturn

import trio

from mesh.beside import beside
from mesh.discovery import EVERYWHERE, CannotRegister, Found
from mesh.discovery.asking import Asker
from mesh.discovery.following import AGAIN, SourceFailed, chance, followed
from mesh.discovery.registry.wire import (
    PORT,
    Answer,
    NotUnderstood,
    Question,
    as_json,
    build_json,
    build_question,
    parse_answer,
    path_of,
)
from mesh.http import Response
from mesh.http.client import Connect
from mesh.instances import Instance, NoLease, Status


@dataclass(slots=True, eq=False)
class RegistryClient:
    """Discovery and registration by the registry that `connect` leads to. Times are seconds.

    `patience` is how long any answer may take. A lease is renewed each `renew_every`; a question waits for `wait`.
    """

    connect: Connect
    authority: str = "registry"
    renew_every: float = 30.0
    wait: float = 30.0
    patience: float = 5.0
    randomness: random.Random = field(default_factory=chance)
    _asker: Asker = field(init=False)
    _mine: dict[tuple[str, str], Instance] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._asker = Asker(self.connect, "the registry", self.authority, self.patience)

    @classmethod
    def at(cls, host: str, port: int = PORT, **options: Any) -> "RegistryClient":
        """The client of the registry at an address."""
        return cls(partial(trio.open_tcp_stream, host, port), authority=f"{host}:{port}", **options)

    @asynccontextmanager
    async def watch(self, service: str, query: Mapping[str, str] = EVERYWHERE) -> AsyncIterator[Found]:
        """The instances that fit, told of each change when it happens; raises `CannotDiscover`."""

        async def follow(found: Found) -> NoReturn:
            index = 0
            while True:
                answer = await self._ask(Question(service, query, index, self.wait))
                # An index that goes backwards is that of another registry, or of one that has forgotten: begin again
                index = answer.index if answer.index >= index else 0
                found.answered(answer.instances)

        async with self._asker.in_use(), followed(follow, self.randomness) as found:
            yield found

    @asynccontextmanager
    async def registered(self, instance: Instance) -> AsyncIterator[None]:
        """Be found within the block; raises `CannotRegister`."""
        key = instance.service, instance.name
        async with self._asker.in_use():
            self._mine[key] = instance
            try:
                await self._register(key)
                async with beside(partial(self._keep_renewing, key)):
                    yield
            except SourceFailed as failure:
                raise CannotRegister(str(failure)) from None
            finally:
                del self._mine[key]
                with trio.move_on_after(self.patience, shield=True), suppress(SourceFailed, NoLease):
                    await self._tell("DELETE", *key)

    async def set_status(self, service: str, name: str, status: Status) -> None:
        """Say something else of an instance. Raises `NoLease`, and `CannotRegister` if the registry does not answer."""
        if mine := self._mine.get((service, name)):
            self._mine[service, name] = replace(mine, status=status)
        async with self._asker.in_use():
            try:
                await self._tell("PUT", service, name, "status", body=build_json(status.value))
            except SourceFailed as failure:
                raise CannotRegister(str(failure)) from None

    async def _keep_renewing(self, key: tuple[str, str]) -> NoReturn:
        failures = 0
        while True:
            await trio.sleep(AGAIN.wait(failures, randomness=self.randomness) if failures else self.renew_every)
            try:
                await self._renew(key)
                failures = 0
            except SourceFailed:
                failures += 1

    async def _renew(self, key: tuple[str, str]) -> None:
        try:
            await self._tell("PUT", *key, "heartbeat")
        except NoLease:
            await self._register(key)

    async def _register(self, key: tuple[str, str]) -> None:
        await self._tell("PUT", *key, body=build_json(as_json(self._mine[key])))

    async def _ask(self, question: Question) -> Answer:
        waits = question.wait * 17 / 16 if question.index else 0.0
        response = await self._asker.ask("GET", build_question(question), waits=waits)
        if response.status != 200:
            raise self._refused(response)
        try:
            return parse_answer(question.service, response.body)
        except NotUnderstood as error:
            raise self._asker.failed(str(error)) from None

    async def _tell(self, method: str, *path: str, body: bytes = b"") -> None:
        """Raises `NoLease` for a 404, `SourceFailed` for whatever else is no success."""
        response = await self._asker.ask(method, path_of(*path), body)
        if response.status == 404:
            raise NoLease(response.body.decode(errors="replace").strip())
        if response.status >= 300:
            raise self._refused(response)

    def _refused(self, response: Response) -> SourceFailed:
        return self._asker.failed(f"{response.status}, {response.body.decode(errors='replace').strip()}")
