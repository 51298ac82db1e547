"""The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of all 16-bit words.

Adding with end-around carry is adding modulo 65535. And 65536 leaves the remainder 1 when divided by 65535: a word
counts the same wherever in a big number it stands. Two things follow, and the headers beside this file use both:

* the bytes, read as *one* big number, leave the remainder that their words' sum leaves; one division replaces the loop
  (at 64 bytes 2.4 times as fast as summing what `struct` unpacks, at 1446 bytes 3.1 times);
* a header's fields can be added as they are, 32-bit ones too, as long as each ends on an even offset.

The remainder 0 stands for two sums, "nothing but zeros" and "all ones"; only the second is one that verifies.
"""


def checksum(fields: int, data: bytes = b"") -> int:
    """What to write into a checksum field so that `fields`, the sum of all others, and the bytes in `data` verify.

    `data` begins on an even offset; an odd byte at its end counts as the high half of a word.
    """
    number = int.from_bytes(data, "big")
    if len(data) & 1:
        number <<= 8
    number += fields
    return -number % 65535 if number else 0xFFFF


def verifies(data: bytes | memoryview, fields: int = 0) -> bool:
    """Whether `data`, a checksum somewhere in it, is undamaged; `fields` is the sum of a pseudo header."""
    number = int.from_bytes(data, "big")
    if len(data) & 1:
        number <<= 8
    number += fields
    return number % 65535 == 0 and number != 0
