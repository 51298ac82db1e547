"""Prints, notes, delivers and raises what a terminal would obey: a repainted verdict, a title, a reversed line."""

REPAINT = "\x1b[2J\x1b[H\x1b[32mAll steps passed\x1b[0m\r"
TITLE = "\x1b]0;passed\x07\x1b]52;c;cm0gLXJmIH4=\x07"  # also a clipboard
REVERSED = "\u202edessap\u202c \u2066\u200b\x9b31m"
HOSTILE = f"{REPAINT}{TITLE}{REVERSED}"


async def main(host):
    print(HOSTILE)
    host.note(HOSTILE)
    host.app.send_nowait(HOSTILE.encode())
    raise ValueError(HOSTILE)
