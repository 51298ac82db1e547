"""Privacy: data that only its two ends can read, that nobody can change, and that counts once.

A cable is for everybody who holds an end of it: to listen, to alter, to say it all again tomorrow. Against that the two
ends share a *key*. Every message is sealed with an AEAD (authenticated encryption with associated data), which hides
the data and makes any change to it, or to the *context* it was meant for, show. Two things are ours to see to:

* **a nonce never serves twice** under one key: two messages sealed with the same nonce betray the difference of their
  contents, and let others be forged. Ours is the sender's address and a counter, so two senders never meet;
* **a message counts once**. The seal of a recorded message stays valid, so the receiver remembers, for each sender,
  the highest counter and which of the 64 up to it have come. What is older, or came before, is refused. A window, and
  not just "higher than the last", because wires reorder.

What always holds: the counter of a sealer only grows; nothing is remembered of a message whose seal is broken, or an
attacker could shut out the real one. Left out: where the key comes from, and a new one before 2⁴⁸ messages. A sealer
that starts again with the same key starts again with the same nonces: a key is for one run of a program.

Prior art: ChaCha20-Poly1305 (RFC 8439); the replay window of IPsec (RFC 4303, 3.4.3).

    counter         6 bytes    highest first; the first message has 1
    sealed data     as long as the data, and 16 bytes of tag
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KEY_LENGTH = 32
ADDRESS_LENGTH = 6
COUNTER_LENGTH = 6
TAG_LENGTH = 16
WINDOW = 64
"""RFC 4303, 3.4.3: a window of 64 is preferred."""


class RefusedError(ValueError):
    """A message that was not sealed with this key for this context by this sender, or that has come before."""


class Sealer:
    """Seals what the station at `address` sends under `key` (32 bytes)."""

    def __init__(self, key: bytes, address: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._address = address
        self._counter = 0

    def seal(self, data: bytes, context: bytes) -> bytes:
        """Return `data` sealed for `context`, which travels elsewhere and is not hidden."""
        self._counter += 1
        counter = self._counter.to_bytes(COUNTER_LENGTH, "big")
        return counter + self._cipher.encrypt(self._address + counter, data, context)


@dataclass(slots=True)
class _Window:
    """What has come from one sender: the highest counter, and a bit for each of those up to it (bit 0: the highest)."""

    highest: int = 0
    came: int = 0

    def is_new(self, counter: int) -> bool:
        if counter > self.highest:
            return True
        behind = self.highest - counter
        return behind < WINDOW and not self.came >> behind & 1

    def mark(self, counter: int) -> None:
        if counter > self.highest:
            self.came <<= min(counter - self.highest, WINDOW)
            self.came &= (1 << WINDOW) - 1
            self.highest = counter
        self.came |= 1 << self.highest - counter


class Opener:
    """Opens what others sealed under `key`, each message once."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._windows: dict[bytes, _Window] = {}

    def open(self, source: bytes, sealed: bytes, context: bytes) -> bytes:
        """Return the data that the station at `source` sealed for `context`; raises `RefusedError` and nothing else."""
        if len(sealed) < COUNTER_LENGTH + TAG_LENGTH or len(source) != ADDRESS_LENGTH:
            raise RefusedError("too short to be sealed")
        counter, hidden = sealed[:COUNTER_LENGTH], sealed[COUNTER_LENGTH:]
        number, window = int.from_bytes(counter, "big"), self._windows.get(source, _Window())
        if not window.is_new(number):
            raise RefusedError("it has come before, or is too old to tell")
        try:
            data = self._cipher.decrypt(source + counter, hidden, context)
        except InvalidTag:
            raise RefusedError("the seal is broken") from None
        window.mark(number)  # RFC 4303, 3.4.3: only once the seal is known to be whole
        self._windows[source] = window
        return data
