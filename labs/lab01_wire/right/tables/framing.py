"""Translate and split: no loop over bytes."""

from zlib import crc32

FLAG, ESCAPE = b"\x7e", b"\x7d"


def encode(message):
    body = message + crc32(message).to_bytes(4, "big")
    body = body.replace(ESCAPE, b"\x7d\x5d").replace(FLAG, b"\x7d\x5e")  # the escape first, or it is escaped twice
    return FLAG + body + FLAG


def unescape(body):
    first, *rest = body.split(ESCAPE)
    parts, literal = [first], False
    for part in rest:
        if literal:  # the escape before this one escaped this one
            parts[-1] += part
            literal = False
        elif part:
            parts.append(bytes([part[0] ^ 0x20]) + part[1:])
        else:
            parts.append(b"\x5d")
            literal = True
    return None if literal else b"".join(parts)


class Decoder:
    def __init__(self):
        self.heard = b""

    def feed(self, piece):
        self.heard += piece
        whole, found, self.heard = self.heard.rpartition(FLAG)
        if not found:
            return []
        bodies = filter(None, whole.split(FLAG))
        texts = [text for text in map(unescape, bodies) if text is not None and len(text) >= 4]
        return [text[:-4] for text in texts if crc32(text[:-4]).to_bytes(4, "big") == text[-4:]]
