"""Changes to a stack that somebody else has put together. The handout, step 4, says what to write."""

from mesh.service import Stack


def in_turn(stack: Stack) -> Stack:
    """Whoever is next, whatever they are doing."""
    return stack


def unguarded(stack: Stack) -> Stack:
    """Nobody is given up: neither the service nor an instance."""
    return stack


def noted(stack: Stack, note) -> Stack:
    """`note(name)` is called for each try, with the name of the instance that it goes to."""
    return stack
