"""HTTP between services: messages as values, a codec for each version, a server, and a client with a pool.

`message` holds what both versions share. `http1` is the codec of HTTP/1.1, pure; `http2` that of HTTP/2. `server` and
`client` are the trio around them; `limits` says what either side puts up with.
"""

from mesh.http.limits import Limits
from mesh.http.message import Headers, HttpError, Request, Response

__all__ = ["Headers", "HttpError", "Limits", "Request", "Response"]
