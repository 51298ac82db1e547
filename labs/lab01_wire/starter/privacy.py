"""Privacy: data that only its two ends can read, that nobody can change, and that counts once. An elective.

So far nothing is hidden, and everything is believed. The handout, step 9, says what to write. It needs the package
`cryptography`; of all that is in there you want `cryptography.hazmat.primitives.ciphers.aead.ChaCha20Poly1305`.
"""


class RefusedError(ValueError):
    """A message that was not sealed with this key for this context by this sender, or that has come before."""


class Sealer:
    """Seals what the station at `address` sends under `key` (32 bytes)."""

    def __init__(self, key: bytes, address: bytes) -> None:
        """Begin with the counter at 0."""

    def seal(self, data: bytes, context: bytes) -> bytes:
        """Return `data` sealed for `context`, which travels elsewhere and is not hidden."""
        return data


class Opener:
    """Opens what others sealed under `key`, each message once."""

    def __init__(self, key: bytes) -> None:
        """Begin with nothing that has come."""

    def open(self, source: bytes, sealed: bytes, context: bytes) -> bytes:
        """Return the data that the station at `source` sealed for `context`; raise `RefusedError` for anything else."""
        return sealed
