"""Messages by a generator that asks for the bytes it needs."""

import struct

HEAD = struct.Struct(">I")


class MessageError(Exception):
    pass


def encode(payload, limit=1 << 16):
    if len(payload) > limit:
        raise MessageError("too long")
    return HEAD.pack(len(payload)) + payload


class Decoder:
    def __init__(self, limit=1 << 16):
        self.limit = limit
        self.come = b""
        self.payloads = self.read()

    def read(self):
        while True:
            while len(self.come) < HEAD.size:
                yield None
            (length,) = HEAD.unpack_from(self.come)
            while length > self.limit:
                yield MessageError(f"{length} bytes are announced")
            while len(self.come) < HEAD.size + length:
                yield None
            payload = self.come[HEAD.size : HEAD.size + length]
            self.come = self.come[HEAD.size + length :]
            yield payload

    def feed(self, piece):
        self.come += piece

    def message(self):
        found = next(self.payloads)
        if isinstance(found, MessageError):
            raise found
        return found

    def end(self):
        rest = self.come
        while len(rest) >= HEAD.size + sum(HEAD.unpack_from(rest) if len(rest) >= HEAD.size else ()):
            rest = rest[HEAD.size + HEAD.unpack_from(rest)[0] :]
        if rest:
            raise MessageError("in the midst of a message")
