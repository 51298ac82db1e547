"""The business: who plays for which team.

People ask *teams*; *teams* asks *players*, who keeps the cards. Nothing here knows of machines or networks, and nothing
here will change: this file is the same, byte for byte, in every lab. All that an application holds besides it is the
price of having two computers, and `lab ledger` counts that.
"""

from collections.abc import Iterable

CARDS: dict[str, tuple[str, ...]] = {
    "Herons": ("Ada", "Edsger", "Grace"),
    "Otters": ("Barbara", "Leslie"),
    "Żubry": ("Łukasz", "Zofia", "Stanisław"),
    "雪豹": ("李娜", "王芳"),
    "Understudies": (),
}


# What teams knows: how people ask, and how they like to be answered.


def team_asked_about(question: bytes) -> str:
    """Return the team that `Who plays for …?`, in UTF-8, is about."""
    return question.decode("utf-8", "replace").removeprefix("Who plays for ").removesuffix("?")


def answer(team: str, players: Iterable[str]) -> bytes:
    """Return the answer to people, in UTF-8: `Herons: Ada, Edsger, Grace`, or `Herons: nobody`."""
    return f"{team}: {', '.join(players) or 'nobody'}".encode("utf-8", "replace")


def apology(team: str) -> bytes:
    """Return what people hear when *players* did not answer in time, in UTF-8."""
    return f"{team}: please ask again later".encode("utf-8", "replace")


# What players knows: the cards.


def players_of(team: str) -> tuple[str, ...]:
    """Return who plays for `team`; nobody, if there is no such team."""
    return CARDS.get(team, ())
