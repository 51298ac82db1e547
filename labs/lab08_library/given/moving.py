"""What happens if a role stood elsewhere? Changes to a stack that nobody would want, but for the sake of knowing."""

from mesh.endpoints import for_each
from mesh.service import Stack

BALANCER = "balancer"


def moved(stack, role, place=""):
    """`stack` without `role`; or with it at the bottom, or the top, of those `above` or `below` the balancer.

    `place` is "top", "above" (just above the balancer), "below" (just below it), or "bottom".
    """
    layers = list(stack)
    named = next(each for each in layers if each.role == role)
    was_below = layers.index(named) > stack.roles.index(BALANCER)
    layers.remove(named)
    at = [each.role for each in layers].index(BALANCER) if place in ("above", "below") else 0
    spot = {"": None, "top": 0, "above": at, "below": at + 1, "bottom": len(layers)}[place]
    if spot is not None:
        is_below = place in ("below", "bottom")
        if is_below and not was_below:
            layer = named.layer
            named = type(named)(named.role, for_each(lambda instance: layer), named.why)
        layers.insert(spot, named)
    return Stack(tuple(layers))
