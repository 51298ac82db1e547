"""The one error of all parsers and builders in this package."""


class PacketError(ValueError):
    """Bytes that are no packet of this protocol, or a value that no bytes can carry; the message says why."""
