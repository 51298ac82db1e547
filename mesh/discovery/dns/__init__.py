"""DNS: names and their addresses, asked of servers that answer for their own part of the names, and remembered.

`zone` is what an authoritative server knows and answers, pure; `server` puts it on the network. `cache` is what a
resolver remembers and for how long, pure; `resolver` asks. `source` makes a `Discovery` of it. The messages themselves
are read and written by dnspython; of the rest of dnspython nothing is used.

Every record says for how long it may be remembered (its TTL), and so how long after a move the old address is still
believed. An address record has no port; an SRV record has one, but who asks must know to ask for it. "There is no such
name" is remembered too (RFC 2308). Nobody registers: somebody edits the zone.

Left out: recursion, delegation, wildcards, transfer of zones, DNSSEC; a CNAME is followed as far as an answer has it.
"""

from mesh.discovery.dns.cache import Answer, Cache, DnsError
from mesh.discovery.dns.resolver import Resolver
from mesh.discovery.dns.server import serve
from mesh.discovery.dns.source import Dns
from mesh.discovery.dns.zone import Zone

__all__ = ["Answer", "Cache", "Dns", "DnsError", "Resolver", "Zone", "serve"]
