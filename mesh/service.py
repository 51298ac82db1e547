"""Services, layers, and stacks of named roles: how everything in this package is put together.

A *service* is an async function from a request to a response. A *layer* makes a service from a service: it may refuse,
delay, repeat or count what passes. A *stack* is a list of layers, each under the name of the *role* that it plays, the
outermost first. Since roles have names, one layer can be taken out and another put in its place, in a stack that
somebody else has put together, and what it means to stand above or below another can be talked about.

    stack = Stack[Call, bytes]().push("deadline", deadline(1.0)).push("breaker", breaking(Breaker(name="players")))
    call = stack.over(over_http(pool.request, "players"))   # once for a target
    names = await call(json_call("players.Players", "of", {"team": "Reds"}))   # for each request
    patient = stack.replace("deadline", deadline(5.0)).over(...)   # another stack, another service; `call` stays

A service ends in one of three ways: a value, `failures.CallFailed`, or trio's cancellation. Anything else that it
raises is a bug: it passes through every layer, and is never tried again.

Prior art: Finagle's `Service`, `Filter` and `Stack`; tower's `Layer`.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Req = TypeVar("Req")
Res = TypeVar("Res")

Service = Callable[[Req], Awaitable[Res]]
Layer = Callable[[Service[Req, Res]], Service[Req, Res]]


class NoSuchRole(LookupError):
    """The stack has no layer in this role."""


class RoleTaken(ValueError):
    """The stack has a layer in this role already."""


@dataclass(frozen=True)
class Named(Generic[Req, Res]):
    """A layer in a role. `why` says why it stands where it stands."""

    role: str
    layer: Layer[Req, Res]
    why: str = ""


@dataclass(frozen=True)
class Stack(Generic[Req, Res]):
    """Layers in their roles, the outermost first. Never changed: each method returns another stack."""

    layers: tuple[Named[Req, Res], ...] = ()

    def __post_init__(self) -> None:
        roles = self.roles
        if len(set(roles)) < len(roles):
            raise RoleTaken(f"a role is there twice: {', '.join(roles)}")

    @property
    def roles(self) -> tuple[str, ...]:
        """The names, outermost first."""
        return tuple(named.role for named in self.layers)

    def push(self, role: str, layer: Layer[Req, Res], *, why: str = "") -> "Stack[Req, Res]":
        """Put a layer below (inside) all others, next to the service; raises `RoleTaken`."""
        return Stack((*self.layers, Named(role, layer, why)))

    def replace(self, role: str, layer: Layer[Req, Res]) -> "Stack[Req, Res]":
        """A stack in which another layer plays `role`; services built already stay. Raises `NoSuchRole`."""
        place = self._place(role)
        named = Named(role, layer, self.layers[place].why)
        return Stack((*self.layers[:place], named, *self.layers[place + 1 :]))

    def remove(self, role: str) -> "Stack[Req, Res]":
        """A stack without `role`; raises `NoSuchRole`."""
        place = self._place(role)
        return Stack((*self.layers[:place], *self.layers[place + 1 :]))

    def insert_before(self, role: str, new: str, layer: Layer[Req, Res], *, why: str = "") -> "Stack[Req, Res]":
        """Put a layer in the new role just outside of `role`; raises `NoSuchRole`, `RoleTaken`."""
        place = self._place(role)
        return Stack((*self.layers[:place], Named(new, layer, why), *self.layers[place:]))

    def over(self, service: Service[Req, Res]) -> Service[Req, Res]:
        """Build: the service that is reached through all layers.

        What the layers remember (a breaker's counts, a budget) is shared by all that is built of them: for targets
        that are to be judged apart, make a stack for each.
        """
        for named in reversed(self.layers):
            service = named.layer(service)
        return service

    def _place(self, role: str) -> int:
        if role not in self.roles:
            raise NoSuchRole(f"there is no {role!r} here, only {', '.join(self.roles) or 'nothing'}")
        return self.roles.index(role)

    def __contains__(self, role: object) -> bool:
        return role in self.roles

    def __iter__(self) -> Iterator[Named[Req, Res]]:
        return iter(self.layers)
