"""Which services there are, in what style each is written, and what people ask of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent

FUNCTIONS = "plain functions"
CLASSES = "classes"
CONTEXTS = "async contexts"
DECLARED = "declared in TOML"


@dataclass(frozen=True, slots=True)
class Kind:
    """One service of the fleet, and a question that it answers."""

    name: str
    style: str
    method: str
    arguments: Mapping[str, object] = field(default_factory=dict)


SERVICES = (
    Kind("players", FUNCTIONS, "of", {"team": "Herons"}),
    Kind("venues", CLASSES, "of", {"team": "Otters"}),
    Kind("referees", CONTEXTS, "on", {"day": 1}),
    Kind("teams", FUNCTIONS, "sheet", {"team": "雪豹"}),
    Kind("coaches", FUNCTIONS, "session", {"team": "Otters"}),
    Kind("matches", CLASSES, "poster", {"day": 0}),
    Kind("scores", CONTEXTS, "of", {"day": 2}),
    Kind("tickets", CONTEXTS, "price", {"day": 1}),
    Kind("standings", CLASSES, "after", {"day": 1}),
    Kind("transfers", DECLARED, "rumour", {"team": "Herons"}),
    Kind("schedule", DECLARED, "entry", {"day": 2}),
    Kind("news", DECLARED, "front_page", {"day": 0}),
)
"""Each after those that it needs: the first calls nobody, and nobody calls the last."""
