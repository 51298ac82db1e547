"""Scripts of what TCP says and when, in the language of packetdrill, played on our stack and on Linux's."""
