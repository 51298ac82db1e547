"""Stacks of named roles: what is called in which order, and what can be swapped."""

import pytest
import trio

from mesh.service import Layer, NoSuchRole, RoleTaken, Service, Stack


def noting(name: str, log: list[str]) -> Layer[str, str]:
    """A layer that notes when it is passed."""

    def layer(service: Service[str, str]) -> Service[str, str]:
        async def call(request: str) -> str:
            log.append(name)
            return f"{name}({await service(request)})"

        return call

    return layer


async def echo(request: str) -> str:
    return request


def call(stack: Stack[str, str]) -> str:
    return trio.run(stack.over(echo), "x")


def test_the_outermost_comes_first() -> None:
    log: list[str] = []
    stack = Stack[str, str]().push("retries", noting("retries", log), why="a retry picks again")
    stack = stack.push("balancing", noting("balancing", log))
    assert call(stack) == "retries(balancing(x))"
    assert log == ["retries", "balancing"]
    assert stack.roles == ("retries", "balancing")


def test_a_role_is_replaced_removed_and_put_before_another() -> None:
    log: list[str] = []
    stack = Stack[str, str]().push("a", noting("a", log), why="because").push("b", noting("b", log))
    assert call(stack.replace("a", noting("A", log))) == "A(b(x))"
    assert stack.replace("a", noting("A", log)).layers[0].why == "because"
    assert call(stack.remove("a")) == "b(x)"
    assert call(stack.insert_before("b", "c", noting("c", log))) == "a(c(b(x)))"
    assert call(stack) == "a(b(x))"  # the first one was never changed


def test_what_is_not_there_and_what_is_there_twice() -> None:
    stack = Stack[str, str]().push("a", noting("a", []))
    with pytest.raises(NoSuchRole, match="only a"):
        stack.remove("b")
    with pytest.raises(RoleTaken):
        stack.push("a", noting("a", []))
