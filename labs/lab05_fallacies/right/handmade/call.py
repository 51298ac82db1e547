"""The standard call, every member looked at by hand."""

import json
from dataclasses import dataclass


class CallError(Exception):
    """Bytes that are no call and no answer, or an answer to what was never asked."""


@dataclass(frozen=True)
class Request:
    """A call."""

    id: int
    method: str
    arguments: dict
    identity: str = ""


@dataclass(frozen=True)
class Reply:
    """An answer."""

    id: int
    result: object = None
    error: str = ""


def _text(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode(said) -> bytes:
    if isinstance(said, Reply):
        tail = f'"error":{_text(said.error)}' if said.error != "" else f'"result":{_text(said.result)}'
    else:
        tail = f'"method":{_text(said.method)},"arguments":{_text(said.arguments)}'
        if said.identity != "":
            tail += f',"identity":{_text(said.identity)}'
    return f'{{"id":{said.id},{tail}}}'.encode()


def parse(data: bytes):
    try:
        text = data.decode("utf-8")
        members = json.loads(text, parse_constant=_no_number)
        _text(members).encode()  # not half a letter
    except (ValueError, RecursionError):
        raise CallError("no JSON") from None
    if type(members) is not dict:
        raise CallError("no object")
    number = members.get("id")
    if type(number) is not int or number <= 0:
        raise CallError("no id")
    present = [name for name in ("method", "result", "error") if name in members]
    if len(present) != 1:
        raise CallError("neither a request nor a reply, or both")
    if present == ["result"]:
        return Reply(number, members["result"])
    if present == ["error"]:
        return Reply(number, None, _some_text(members["error"]))
    if type(members.get("arguments")) is not dict:
        raise CallError("no arguments")
    identity = members.get("identity", "")
    if type(identity) is not str:
        raise CallError("no identity")
    return Request(number, _some_text(members["method"]), members["arguments"], identity)


def _no_number(name):
    raise ValueError(f"{name} is no JSON")


def _some_text(value) -> str:
    if type(value) is not str or value == "":
        raise CallError("a text is expected")
    return value


class Calls:
    """Two sets: those that somebody waits for, and those that were given up."""

    def __init__(self):
        self.next = 1
        self.wanted = []
        self.given_up = set()

    def begin(self, method, arguments, identity=""):
        request = Request(self.next, method, arguments, identity)
        self.wanted.append(self.next)
        self.next += 1
        return request

    def give_up(self, number):
        if number in self.wanted:
            self.wanted.remove(number)
            self.given_up.add(number)

    def finish(self, reply):
        if reply.id in self.given_up:
            self.given_up.remove(reply.id)
            return False
        if reply.id in self.wanted:
            self.wanted.remove(reply.id)
            return True
        raise CallError(f"nobody asked {reply.id}")

    def waiting(self):
        return list(self.wanted)
