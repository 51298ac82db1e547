"""A line of lab 3 on which somebody speaks a dialect: `host.arguments["dialect"]` says which."""

from conversation import Line
from dialect import Dialect

from netstack.flow.messages import Addressed, Message, MessageError


class DialectLine(Line):
    """As `Line`, with another header."""

    def __init__(self, link, settings) -> None:
        super().__init__(link, settings["peer"], settings["flow"])
        self._dialect = Dialect(**settings["dialect"])

    async def put(self, message: Message) -> None:
        """Send one message."""
        await self._link.send(self._dialect.build(Addressed(self._peer, self._link.address, message, self._flow)))

    def ours(self, frame: bytes) -> Message | None:
        """What `frame` says to us, as we understand it; None if it makes no sense."""
        try:
            heard = self._dialect.parse(frame)
        except MessageError:
            return None
        wanted = (self._link.address, self._peer, self._flow)
        return heard.message if (heard.destination, heard.source, heard.flow) == wanted else None
