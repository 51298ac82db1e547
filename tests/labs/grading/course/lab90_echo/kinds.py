"""A frame is a question or an answer, as its first byte after the header says."""


def classify(frame: bytes) -> str:
    return {b"?": "question", b"!": "answer"}.get(frame[14:15], "other")


def describe(frame: bytes) -> str:
    return f"{classify(frame)} {frame[15:]!r}"
