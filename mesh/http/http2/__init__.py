"""HTTP/2 between services: many requests at a time on one connection (RFC 9113; frames and states are h2's).

What is here is what h2 leaves open: whose turn it is to write, how long to wait for a window, what a cancelled request
does (it resets its stream, and the connection lives), which requests have their answers when a connection ends, and how
one is ended in order. A body is sent as far as the other side's windows allow, its own and the connection's: TCP's
credit once more, one level up.

A client's `Channel` needs one connection, where HTTP/1.1 needs a pool: it makes another when the present one takes no
more requests. Left out: priorities, pushes, pings of our own, bodies that are read while they come.
"""

from mesh.http.http2.client import Channel, Client, channel, connected
from mesh.http.http2.server import Server, serve

__all__ = ["Channel", "Client", "Server", "channel", "connected", "serve"]
