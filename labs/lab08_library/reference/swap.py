"""Changes to a stack that somebody else has put together."""

from mesh.endpoints import balancing, for_each
from mesh.policies.round_robin import RoundRobin
from mesh.service import Stack


def in_turn(stack: Stack) -> Stack:
    """Whoever is next, whatever they are doing."""
    return stack.replace("balancer", balancing(lambda is_available: RoundRobin()))


def unguarded(stack: Stack) -> Stack:
    """Nobody is given up: neither the service nor an instance."""
    return stack.remove("breaker").remove("accrual")


def noted(stack: Stack, note) -> Stack:
    """`note(name)` is called for each try, with the name of the instance that it goes to."""

    def noting(instance):
        def layer(send):
            async def call(request):
                note(instance.name)
                return await send(request)

            return call

        return layer

    return stack.insert_before("timeout", "notes", for_each(noting), why="below the balancer: there each try is seen")
