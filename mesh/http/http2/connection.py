"""What both sides of an HTTP/2 connection have in common: reading, dispatching, and writing in turns."""

from contextlib import suppress
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import trio

from mesh.http.client import Broken
from mesh.http.http1 import HOP_BY_HOP
from mesh.http.limits import Limits
from mesh.http.message import NO_HEADERS, Headers, HttpError

CHUNK = 64 * 1024


@dataclass(slots=True)
class Stream:
    """One request and its response, as far as they have come."""

    pseudo: dict[str, str] = field(default_factory=dict)
    headers: Headers = NO_HEADERS
    body: list[bytes] = field(default_factory=list)
    size: int = 0
    trailers: Headers = NO_HEADERS
    complete: bool = False
    failed: Broken | None = None
    began: float = field(default_factory=trio.current_time)
    changed: trio.Event = field(default_factory=trio.Event)

    def change(self) -> None:
        """Wake whoever waits for this stream."""
        self.changed.set()

    def take_headers(self, fields: list[tuple[str, str]]) -> None:
        self.pseudo = {name: value for name, value in fields if name.startswith(":")}
        self.headers = Headers(tuple((name, value) for name, value in fields if not name.startswith(":")))


def _state_of(limits: Limits, *, client: bool) -> h2.connection.H2Connection:
    codes = h2.settings.SettingCodes
    values = {codes.MAX_CONCURRENT_STREAMS: limits.streams, codes.MAX_HEADER_LIST_SIZE: limits.head}
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=client, header_encoding="utf-8"))
    connection.local_settings = h2.settings.Settings(client, values | ({codes.ENABLE_PUSH: 0} if client else {}))
    connection.decoder.max_header_list_size = limits.head
    # h2 takes GOAWAY for the end. It is the beginning of the end: streams that are open are finished (RFC 9113, 6.8).
    states, inputs = h2.connection.ConnectionState, h2.connection.ConnectionInputs
    machine = connection.state_machine
    machine._transitions = dict(machine._transitions)
    for state in (states.CLIENT_OPEN, states.SERVER_OPEN):
        for each in (inputs.SEND_GOAWAY, inputs.RECV_GOAWAY):
            machine._transitions[state, each] = (None, state)
    return connection


class Connection:
    """One side of a connection."""

    def __init__(self, stream: trio.abc.Stream, limits: Limits, *, client: bool) -> None:
        self._stream, self._limits = stream, limits
        self._h2 = _state_of(limits, client=client)
        self._streams: dict[int, Stream] = {}
        self._writing = trio.Lock()
        self._window_opened = trio.Event()
        self.closing = False
        """The other side wants no more requests on this connection (GOAWAY), or it is over."""

    async def _flush(self) -> None:
        """Write what h2 has to say; one at a time, for frames must not be mixed."""
        async with self._writing:
            if data := self._h2.data_to_send():
                with trio.move_on_after(self._limits.send_seconds) as patience:
                    await self._stream.send_all(data)
                if patience.cancelled_caught:
                    raise trio.BrokenResourceError("the other side does not read")

    async def _read_all(self) -> None:
        """Read to the end of the connection."""
        reason = "the connection was closed"
        try:
            while data := await self._receive():
                for event in self._h2.receive_data(data):
                    self._dispatch(event)
                await self._flush()
        except (h2.exceptions.ProtocolError, trio.BrokenResourceError, UnicodeDecodeError) as error:
            reason = f"the connection broke: {error}"
        finally:
            self.closing = True
            self._fail_all(reason)
            with suppress(Exception):
                self._h2.close_connection()
                with trio.move_on_after(1):
                    await self._flush()

    async def _receive(self) -> bytes:
        return bytes(await self._stream.receive_some(CHUNK))

    def _fail_all(self, reason: str, *, after: int = 0, maybe_seen: bool = True) -> None:
        for number, stream in self._streams.items():
            if number > after and not stream.complete:
                stream.failed = Broken(reason, maybe_seen=maybe_seen)
                stream.change()
        self._window_opened.set()

    def _dispatch(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                self._window_opened.set()
                self._window_opened = trio.Event()
            case h2.events.DataReceived():
                self._take_data(event)
            case h2.events.TrailersReceived():
                self._stream_of(event.stream_id).trailers = Headers(tuple(event.headers or ()))  # type: ignore[arg-type]
            case h2.events.StreamReset():
                stream = self._streams.get(event.stream_id)
                if stream is not None:
                    refused = event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM
                    stream.failed = Broken(f"the stream was reset ({event.error_code!s})", maybe_seen=not refused)
                    stream.change()
                    self._window_opened.set()
            case h2.events.ConnectionTerminated():
                # RFC 9113 (6.8): what comes after the last stream that it names was not looked at.
                self.closing = True
                self._fail_all("the other side is going away", after=event.last_stream_id or 0, maybe_seen=False)
            case _:
                pass

    def _stream_of(self, number: int | None) -> Stream:
        return self._streams.get(number or 0) or Stream()

    def _take_data(self, event: h2.events.DataReceived) -> None:
        # Also of a body that nobody wants: or else its bytes would be missing from the connection's window for ever.
        with suppress(h2.exceptions.ProtocolError):
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        stream = self._stream_of(event.stream_id)
        stream.size += len(event.data or b"")
        if stream.size <= self._limits.body:
            stream.body.append(event.data or b"")
            return
        stream.failed, stream.body = Broken("a body too long", maybe_seen=True), []
        stream.change()
        self._reset(event.stream_id, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)

    def _reset(self, number: int, code: h2.errors.ErrorCodes) -> None:
        with suppress(h2.exceptions.ProtocolError):
            self._h2.reset_stream(number, code)  # goes with whatever is written next

    async def _send_body(self, number: int, body: bytes, *, end: bool) -> None:
        """Send `body` as far as the windows allow, and wait for them to open for the rest."""
        view = memoryview(body)
        while view or end:
            stream = self._streams.get(number)
            if stream is None or stream.failed:
                return
            room = min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size)
            if view and room <= 0:
                await self._flush()
                await self._window_opened.wait()
                continue
            part, view = view[:room], view[room:]
            self._h2.send_data(number, bytes(part), end_stream=end and not view)
            await self._flush()
            if not view:
                return


def checked(headers: Headers) -> list[tuple[str, str]]:
    """What HTTP/2 takes. Raises `HttpError` for what another hop might read as two headers (RFC 9113, 8.2.1)."""
    for name, value in headers:
        if name != name.lower() or not name or any(mark in name + value for mark in "\r\n\0") or ":" in name:
            raise HttpError(f"the header {name!r} is not allowed")
    return [(name, value) for name, value in headers if name == "te" or name not in HOP_BY_HOP]
