"""What sank next: the layers between services, written once and put together in libraries, sidecars and a mesh.

The policies are pure: they take `now`, decide, and do nothing. The layers are thin: they ask a policy, and act.
`mesh.client` and `mesh.serve` are the library, all that a service need know (`mesh.library`).
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mesh.library import client as client
    from mesh.library import serve as serve


def __getattr__(name: str) -> Any:
    # Not before it is asked for: the policies alone need neither trio nor an HTTP parser.
    if name in ("client", "serve"):
        return getattr(importlib.import_module("mesh.library"), name)
    raise AttributeError(f"mesh has no {name}")
