"""The roles as rows of a table."""

from mesh.endpoints import accrual, balancing, for_each
from mesh.layers import breaking, deadline, retries, statistics
from mesh.rpc import has_key
from mesh.service import Named, Stack


def client_stack(service, parts, settings, *, calls, randomness):
    again = retries(parts.budget(), randomness=randomness, is_idempotent=has_key, tries=settings.tries)
    once = (
        ("statistics", statistics(calls), "what people get"),
        ("deadline", deadline(settings.deadline), "all tries together"),
        ("retries", again, "each try elsewhere"),
        ("breaker", breaking(parts.breaker(service)), "each try, at any instance"),
    )
    each = (
        ("accrual", accrual(parts.judge(randomness)), "who takes too long"),
        ("log", for_each(lambda instance: lambda send: send), "where something else may stand one day"),
        ("timeout", for_each(lambda instance: deadline(settings.timeout)), "one try"),
    )
    balancer = ("balancer", balancing(lambda is_available: parts.balancer(randomness, is_available)), "one of many")
    return Stack(tuple(Named(*row) for row in (*once, balancer, *each)))
