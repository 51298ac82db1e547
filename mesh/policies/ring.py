"""A ring of hashes: the same key goes to the same endpoint, and few keys move when one comes or goes.

Each endpoint has many places on the ring, so that its share, and what others inherit of it, is even. Whose idea: Karger
and others, 1997. Source: Envoy's `ring_hash`.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from mesh.instances import NoEndpoints

Endpoint = Hashable


@dataclass(slots=True, kw_only=True)
class RingHash:
    """Each endpoint has `points` places on a ring; a key belongs to the next place behind its own."""

    points: int = 100
    _ring: list[tuple[int, str, Endpoint]] = field(default_factory=list)

    def set_endpoints(self, endpoints: Sequence[Endpoint]) -> None:
        """These are there now; most keys stay where they are."""
        self._ring = sorted(
            (_place(f"{endpoint} {point}"), str(endpoint), endpoint)
            for endpoint in endpoints
            for point in range(self.points)
        )

    def pick(self, key: str) -> Endpoint:
        """The endpoint of `key`; raises `NoEndpoints`."""
        if not self._ring:
            raise NoEndpoints("nobody is registered, or nobody fits")
        index = bisect_left(self._ring, (_place(key),))
        return self._ring[index % len(self._ring)][2]


def _place(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
