"""A machine with four states that eats one byte at a time."""

import binascii
from enum import Enum, auto


class State(Enum):
    SEEKING = auto()  # no flag yet, or what came since is hopeless
    READING = auto()
    ESCAPED = auto()


def encode(message):
    out = bytearray([0x7E])
    for byte in message + binascii.crc32(message).to_bytes(4, "big"):
        if byte in (0x7D, 0x7E):
            out += bytes([0x7D, byte ^ 0x20])
        else:
            out.append(byte)
    out.append(0x7E)
    return bytes(out)


class Decoder:
    def __init__(self):
        self.damaged = 0
        self.state = State.SEEKING
        self.body = bytearray()

    def feed(self, piece):
        done = []
        for byte in piece:
            if byte == 0x7E:
                if self.state is State.READING:
                    done += self.finished()
                elif self.state is State.ESCAPED:
                    self.damaged += 1
                self.state = State.READING
                self.body.clear()
            elif self.state is State.ESCAPED:
                self.body.append(byte ^ 0x20)
                self.state = State.READING
            elif byte == 0x7D and self.state is State.READING:
                self.state = State.ESCAPED
            elif self.state is State.READING:
                self.body.append(byte)
            if len(self.body) > 1504:
                self.state = State.SEEKING
                self.body.clear()
        return done

    def finished(self):
        body = bytes(self.body)
        if not body:
            return []
        if len(body) >= 4 and binascii.crc32(body[:-4]) == int.from_bytes(body[-4:], "big"):
            return [body[:-4]]
        self.damaged += 1
        return []
