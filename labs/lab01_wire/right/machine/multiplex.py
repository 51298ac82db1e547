"""Conversations as a set, numbers from a ring."""

from collections import deque
from dataclasses import dataclass


class BusyError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Conversation:
    peer: bytes
    number: int
    opened_here: bool


class Multiplexer:
    def __init__(self):
        self.ring = deque(range(1, 256))
        self.open_here = set()

    def open(self, peer):
        taken = {conversation.number for conversation in self.open_here}
        for _ in range(255):
            number = self.ring[0]
            self.ring.rotate(-1)
            if number not in taken:
                conversation = Conversation(peer, number, True)
                self.open_here.add(conversation)
                return conversation
        raise BusyError

    def close(self, conversation):
        self.open_here.discard(conversation)

    def send(self, conversation, data):
        kind = 3 if conversation.opened_here else 4
        return bytes([kind, conversation.number, len(data) >> 8, len(data) & 0xFF]) + data

    def receive(self, source, message):
        if len(message) < 4:
            return None
        kind, number = message[0], message[1]
        end = 4 + (message[2] << 8 | message[3])
        if end > len(message):
            return None
        if kind == 3:
            return Conversation(source, number, False), message[4:end]
        conversation = Conversation(source, number, True)
        if kind == 4 and conversation in self.open_here:
            return conversation, message[4:end]
        return None
