"""teams, with the instances of players written in its configuration: only who gets the next question is open.

It asks many questions at once, as people come; your `balance.py` says whom.
"""

from functools import partial

import trio
from asking import Lines
from business import answer, team_asked_about


def balancer_of(kind, randomness):
    """A balancer by its name."""
    if kind == "round robin":
        from mesh.policies.round_robin import RoundRobin

        return RoundRobin()
    from balance import LeastLoaded, PeakEwma, TwoChoices

    loads = {"least loaded": LeastLoaded, "peak ewma": PeakEwma, "tower": partial(PeakEwma, newcomer=0.03)}
    return TwoChoices(randomness=randomness, make=loads[kind])


async def main(host):
    lines = Lines()
    balancer = balancer_of(host.arguments["balancer"], host.random)
    later = dict(host.arguments["later"])
    balancer.set_endpoints([name for name in host.arguments["players"] if name not in later])

    async def come(name, at):
        await trio.sleep(at)
        del later[name]
        balancer.set_endpoints([each for each in host.arguments["players"] if each not in later])

    async def serve(question):
        team = team_asked_about(question)
        began = trio.current_time()
        endpoint = balancer.pick(now=began)
        balancer.begin(endpoint, now=began)
        names = await lines.call((endpoint, host.arguments["port"]), "players.Players/of", {"team": team})
        now = trio.current_time()
        balancer.end(endpoint, now - began, now=now)
        host.app.send_nowait(answer(team, names))

    async with trio.open_nursery() as nursery:
        for name, at in later.items():
            nursery.start_soon(come, name, at)
        async for question in host.app:
            nursery.start_soon(serve, question)
