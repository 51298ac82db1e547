"""Discovery by ZooKeeper: an instance is an *ephemeral* node, there for as long as the session that made it.

    /services/players/a1_0000000007  {"host": "10.0.0.2", "port": 8080, "name": "a1", "labels": {"zone": "eu"}}

These are Nerve's nodes, byte for byte, so Nerve may register what is found here, and Synapse find what is registered.
A session is a lease: its client renews it, and ZooKeeper ends it, and removes its nodes, when it has heard nothing for
the session's time. A query is no business of ZooKeeper's; who asks reads all nodes, and keeps those that fit (Synapse's
label filters).

*Watches* fire once, and say that something has changed, not what. So each time the watch is set again by the very
request that reads; whatever changes afterwards fires it. A node that was listed may be gone before it is read: that is
normal, and no error.

kazoo lives in threads of its own. It is asked by its asynchronous calls, and its callbacks come over to trio by trio's
token; so no thread of trio's ever waits for it, and who is cancelled simply waits no longer. Each watch and each
registration has a session of its own, which ends with it. Over the sockets of a simulated host it cannot run.
"""

import json
import logging
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import trio
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NoNodeError

from mesh.beside import beside
from mesh.discovery import EVERYWHERE, CannotRegister, Found
from mesh.discovery.following import AGAIN, SourceFailed, chance, followed
from mesh.instances import Instance

_LOG = logging.getLogger(__name__)
_LOG.addHandler(logging.NullHandler())  # what kazoo says of lost connections, `Found.failure` says too
FAREWELL = 0.5
"""Seconds within which a session is ended in order; if not, ZooKeeper ends it when its time is over."""

_RECONNECT = {"max_tries": -1, "delay": 0.1, "max_delay": 1.0}


@dataclass(frozen=True, slots=True)
class ZooKeeper:
    """Discovery and registration at `hosts` ("10.0.0.1:2181,10.0.0.2:2181"), below the node `root`. Times are seconds.

    A session that is not heard of for `session_seconds` is over; `patience` is how long any answer may take.
    """

    hosts: str = "127.0.0.1:2181"
    root: str = "/services"
    session_seconds: float = 10.0
    patience: float = 5.0
    randomness: random.Random = field(default_factory=chance)

    def watch(self, service: str, query: Mapping[str, str] = EVERYWHERE) -> AbstractAsyncContextManager[Found]:
        """The instances that fit, told of each change when it happens; raises `CannotDiscover`."""

        async def follow(found: Found) -> NoReturn:
            async with self._session() as session:
                while True:
                    stirred = await session.connected()
                    instances = await _read(session, service, f"{self.root}/{service}")
                    found.answered(each for each in instances if each.fits(query))
                    await stirred.wait()

        return followed(follow, self.randomness)

    @asynccontextmanager
    async def registered(self, instance: Instance) -> AsyncIterator[None]:
        """Be found within the block; raises `CannotRegister`."""
        try:
            async with self._session() as session:
                await session.connected()
                path = await self._create(session, instance)
                async with beside(partial(self._keep, session, instance, path)):
                    yield
        except SourceFailed as failure:
            raise CannotRegister(str(failure)) from None

    async def _create(self, session: "_Session", instance: Instance) -> str:
        """Make the instance's node; returns its path."""
        path = f"{self.root}/{instance.service}/{instance.name}_"
        made = session.client.create_async(path, build_node(instance), ephemeral=True, sequence=True, makepath=True)
        return str(await session.result(made))

    async def _keep(self, session: "_Session", instance: Instance, path: str) -> NoReturn:
        """Make the node anew whenever it is gone, as after a session that ZooKeeper has ended."""
        while True:
            try:
                stirred = await session.connected()
                if not await session.result(session.client.exists_async(path, watch=session.stir)):
                    path = await self._create(session, instance)
                    continue
                await stirred.wait()
            except SourceFailed:
                await trio.sleep(AGAIN.wait(1, randomness=self.randomness))

    @asynccontextmanager
    async def _session(self) -> AsyncIterator["_Session"]:
        client = KazooClient(self.hosts, self.session_seconds, connection_retry=_RECONNECT, logger=_LOG)
        session = _Session(client, self.hosts, self.patience, trio.lowlevel.current_trio_token())
        client.add_listener(session.stir)
        client.start_async()
        try:
            yield session
        finally:
            # Where nobody answers any more, kazoo may be stuck in a connect: then its threads end when that does
            with trio.move_on_after(FAREWELL, shield=True):
                await trio.to_thread.run_sync(_end, client, abandon_on_cancel=True)


def _end(client: Any) -> None:
    client.stop()
    client.close()


@dataclass(slots=True, eq=False)
class _Session:
    """One session of kazoo's. `stirred` is set, and replaced, when its state changes or one of its watches fires."""

    client: Any
    hosts: str
    patience: float
    token: trio.lowlevel.TrioToken
    stirred: trio.Event = field(default_factory=trio.Event)

    def stir(self, *about: object) -> None:
        """Something has happened. Called in a thread of kazoo's."""
        with suppress(trio.RunFinishedError):
            self.token.run_sync_soon(self._stir)

    def _stir(self) -> None:
        self.stirred.set()
        self.stirred = trio.Event()

    async def connected(self) -> trio.Event:
        """Wait for the connection; returns what is set when anything happens from now on. Raises `SourceFailed`."""
        with trio.move_on_after(self.patience):
            while not self.client.connected:
                await self.stirred.wait()
            return self.stirred
        raise SourceFailed(f"no connection to ZooKeeper at {self.hosts}")

    async def result(self, asked: Any) -> Any:
        """What comes of a call of kazoo's that has been made; raises `SourceFailed`, and `NoNodeError`."""
        done = trio.Event()

        def tell(asked: object) -> None:
            with suppress(trio.RunFinishedError):
                self.token.run_sync_soon(done.set)

        asked.rawlink(tell)
        try:
            with trio.fail_after(self.patience):
                await done.wait()
            return asked.get_nowait()
        except trio.TooSlowError:
            raise SourceFailed(f"ZooKeeper at {self.hosts} does not answer") from None
        except NoNodeError:
            raise
        except KazooException as error:
            raise SourceFailed(f"ZooKeeper at {self.hosts}: {error or type(error).__name__}") from None


async def _read(session: _Session, service: str, path: str) -> list[Instance]:
    """All instances below `path`, with a watch that stirs the session at the next change."""
    try:
        names = await session.result(session.client.get_children_async(path, watch=session.stir))
    except NoNodeError:
        # nobody has ever been there; should somebody come in just this moment, the watch on that tells
        if await session.result(session.client.exists_async(path, watch=session.stir)):
            session.stir()
        return []
    asked = [session.client.get_async(f"{path}/{name}") for name in _in_order(names)]
    found: dict[str, Instance] = {}
    for each in asked:
        with suppress(NoNodeError, NotANode):  # gone meanwhile; or somebody else's
            data, _ = await session.result(each)
            instance = parse_node(service, data)
            found[instance.name] = instance  # of two of one name the later one: the other's session is about to end
    return list(found.values())


def _in_order(names: Sequence[str]) -> list[str]:
    """The nodes, the oldest first: ZooKeeper ends each name with a number that only grows."""
    return sorted(names, key=lambda name: name.rpartition("_")[2])


class NotANode(ValueError):
    """What a node holds says of no instance where it is."""


def build_node(instance: Instance) -> bytes:
    """What the node of an instance holds, as Nerve writes it."""
    said = {"host": instance.address, "port": instance.port, "name": instance.name}
    return json.dumps(said | {"labels": dict(instance.attributes)}).encode()


def parse_node(service: str, data: bytes) -> Instance:
    """The inverse; raises `NotANode`."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        raise NotANode("not JSON") from None
    match said:
        case {"host": str(host), "port": int(port), "name": str(name)} if 0 < port < 65536:
            labels = said.get("labels") or {}
            if isinstance(labels, dict):
                return Instance(service, name, host, port, {str(key): str(value) for key, value in labels.items()})
    raise NotANode("an instance has a host, a port and a name")
