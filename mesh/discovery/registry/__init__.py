"""A registry of our own: instances hold leases in it, and whoever asks is told of changes as they happen.

`wire` is what it and its clients say to each other. `desk` decides, pure, over leases that `policies.leases` keeps, or
a student's; `server` is the trio around it, `store` what it knows after a restart, `client` the other side.

    python -m mesh.discovery.registry --port 8500 --state registry.sqlite
    curl 'http://localhost:8500/services/players?where.environment=production'

One process, so no quorum and no split brain: while it is away nobody is found who was not known, and nobody forgotten
(`discovery.zookeeper` and `discovery.etcd` are the same interface over registries that stay). Left out: peers that
replicate, as Eureka has them, and saying who may register.
"""

from mesh.discovery.registry.client import RegistryClient
from mesh.discovery.registry.desk import Desk, Leases
from mesh.discovery.registry.server import serve
from mesh.discovery.registry.wire import PORT

__all__ = ["PORT", "Desk", "Leases", "RegistryClient", "serve"]
