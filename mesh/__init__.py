"""What sank next: the layers between services, written once and put together in libraries, sidecars and a mesh.

The policies are pure: they take `now`, decide, and do nothing. The layers are thin: they ask a policy, and act.
`mesh.client` and `mesh.serve` are the library, all that a service need know (`mesh.calling`, `mesh.serving`).
"""

import importlib
from typing import Any

_LIBRARY = {"client": "mesh.calling", "serve": "mesh.serving"}


def __getattr__(name: str) -> Any:
    # Not before it is asked for: the policies alone need neither trio nor an HTTP parser.
    if name not in _LIBRARY:
        raise AttributeError(f"mesh has no {name}")
    return getattr(importlib.import_module(_LIBRARY[name]), name)
