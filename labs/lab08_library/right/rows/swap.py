"""The same by rows: those that stay, and those that do not."""

from mesh.endpoints import Endpoints, balancing
from mesh.layers.balanced import Endpoint
from mesh.policies.round_robin import RoundRobin
from mesh.service import Named, Stack


def in_turn(stack):
    in_turn = balancing(lambda is_available: RoundRobin())
    return Stack(tuple(Named(each.role, in_turn) if each.role == "balancer" else each for each in stack))


def unguarded(stack):
    return Stack(tuple(each for each in stack if each.role not in ("breaker", "accrual")))


def noted(stack, note):
    def notes(endpoints):
        def connect(instance):
            endpoint = endpoints.connect(instance)

            async def send(call):
                note(instance.name)
                return await endpoint.service(call)

            return Endpoint(send, endpoint.aclose)

        return Endpoints(endpoints.found, connect, endpoints.judges)

    return stack.push("notes", notes, why="at the very bottom")
