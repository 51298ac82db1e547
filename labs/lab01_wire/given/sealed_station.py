"""A station that seals what it says, and believes only what is sealed, by your `privacy.py`."""

from multiplex import Conversation
from privacy import Opener, RefusedError, Sealer
from station import Station

ASK, ANSWER = 3, 4


class SealedStation(Station):
    """A station that shares `key` with those it talks to."""

    def __init__(self, link, name: str, key: bytes) -> None:
        super().__init__(link, name)
        self._sealer = Sealer(key, link.address)
        self._opener = Opener(key)

    def wrap(self, conversation: Conversation, data: bytes) -> bytes:
        """Seal `data` for this conversation: its kind and number are the context."""
        kind = ASK if conversation.opened_here else ANSWER
        return self._sealer.seal(data, bytes((kind, conversation.number)))

    def unwrap(self, conversation: Conversation, data: bytes) -> bytes | None:
        """Open what came, if it was sealed for this conversation and has not come before."""
        kind = ANSWER if conversation.opened_here else ASK
        try:
            return self._opener.open(conversation.peer, data, bytes((kind, conversation.number)))
        except RefusedError:
            return None
