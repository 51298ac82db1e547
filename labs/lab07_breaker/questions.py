"""Lab 7's questions."""

DEFECTS: dict[str, str] = {}
