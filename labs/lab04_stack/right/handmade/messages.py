"""Messages found byte by byte."""


class MessageError(Exception):
    pass


def encode(payload, *, limit=65536):
    length = len(payload)
    if not length <= limit:
        raise MessageError(length)
    return bytes(((length >> 24) & 255, (length >> 16) & 255, (length >> 8) & 255, length & 255)) + payload


class Decoder:
    def __init__(self, *, limit=65536):
        self.limit = limit
        self.found = []
        self.head = []
        self.body = bytearray()
        self.bad = False

    def feed(self, piece):
        for byte in piece:
            if not self.bad:
                self.take(byte)

    def take(self, byte):
        if len(self.head) < 4:
            self.head.append(byte)
            self.bad = len(self.head) == 4 and self.length() > self.limit
        else:
            self.body.append(byte)
        if len(self.head) == 4 and len(self.body) == self.length():
            self.found.append(bytes(self.body))
            self.head, self.body = [], bytearray()

    def length(self):
        return int.from_bytes(bytes(self.head), "big")

    def message(self):
        if self.found:
            return self.found.pop(0)
        if self.bad:
            raise MessageError("too long")
        return None

    def end(self):
        if self.head:
            raise MessageError("cut short")
