"""The window as a set of counters."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305


class RefusedError(ValueError):
    pass


class Sealer:
    def __init__(self, key, address):
        self.cipher, self.address, self.sent = ChaCha20Poly1305(key), address, 0

    def seal(self, data, context):
        self.sent += 1
        counter = self.sent.to_bytes(6, "big")
        return counter + self.cipher.encrypt(self.address + counter, data, context)


class Opener:
    def __init__(self, key):
        self.cipher = ChaCha20Poly1305(key)
        self.seen = {}

    def open(self, source, sealed, context):
        if len(sealed) < 22 or len(source) != 6:
            raise RefusedError("too short")
        counter = int.from_bytes(sealed[:6], "big")
        seen = self.seen.get(source, set())
        if counter in seen or counter <= max(seen, default=0) - 64:
            raise RefusedError("again, or too old")
        try:
            data = self.cipher.decrypt(source + sealed[:6], sealed[6:], context)
        except InvalidTag as error:
            raise RefusedError("broken") from error
        newest = max(seen | {counter})
        self.seen[source] = {number for number in seen | {counter} if number > newest - 64}
        return data
