"""`python -m labs.generations`: make what docs/generations.md shows anew."""

from labs.generations.document import renew

renew()
