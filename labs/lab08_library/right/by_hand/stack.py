"""The same stack, put together from the bottom."""

from mesh.endpoints import accrual, balancing, for_each
from mesh.layers import breaking, deadline, retries, statistics
from mesh.rpc import has_key
from mesh.service import Stack


def client_stack(service, parts, settings, *, calls, randomness):
    below = Stack().push("timeout", for_each(lambda instance: deadline(settings.timeout)))
    below = below.insert_before("timeout", "accrual", accrual(parts.judge(randomness)))
    stack = below.insert_before("accrual", "balancer", balancing(lambda ok: parts.balancer(randomness, ok)))
    stack = stack.insert_before("balancer", "breaker", breaking(parts.breaker(service)))
    again = retries(parts.budget(), randomness=randomness, is_idempotent=has_key, tries=settings.tries)
    stack = stack.insert_before("breaker", "retries", again)
    stack = stack.insert_before("retries", "deadline", deadline(settings.deadline))
    return stack.insert_before("deadline", "statistics", statistics(calls))
