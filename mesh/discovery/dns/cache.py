"""What a resolver reads from an answer, and for how long it believes it. Pure.

A yes may be remembered for its records' TTL, counted down while it lies here; a no for the lesser of the SOA record's
own TTL and its last field (RFC 2308, 5), and not at all without one. So a service that is asked for before it is there
stays "not there" for a while after it has come: negative caching is why restarting a client seems to help.
"""

from dataclasses import dataclass, field, replace

import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

LONGEST, LONGEST_NO = 86_400.0, 10_800.0
"""Seconds, whatever a zone says: a day, and RFC 2308's three hours."""

CHAIN = 8


class DnsError(Exception):
    """No server has answered the question, neither yes nor no."""


Question = tuple[dns.name.Name, dns.rdatatype.RdataType]


@dataclass(frozen=True, slots=True)
class Answer:
    """`records` without their name, maybe none; `ttl` seconds more they may be believed."""

    records: tuple[dns.rdata.Rdata, ...]
    ttl: float
    exists: bool = True
    """Whether there is such a name at all."""


def read_answer(question: Question, response: dns.message.Message) -> Answer:
    """What `response` says; raises `DnsError` for any failure of a server, such as SERVFAIL or REFUSED."""
    if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise DnsError(f"the server answers {dns.rcode.to_text(response.rcode())} to {question[0]}")
    name, kind = question
    ttl = LONGEST
    for _ in range(CHAIN):
        records = _among(response.answer, name, kind)
        if records:
            return Answer(tuple(records), min(ttl, records.ttl))
        alias = _among(response.answer, name, dns.rdatatype.CNAME)
        if not alias:
            no = _negative_ttl(response)
            return Answer((), min(ttl, no), exists=response.rcode() != dns.rcode.NXDOMAIN)
        name, ttl = alias[0].target, min(ttl, alias.ttl)
    raise DnsError(f"{question[0]} is an alias of an alias, and so on")


def _among(section: list[dns.rrset.RRset], name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.rrset.RRset:
    found = (records for records in section if (records.name, records.rdtype) == (name, kind))
    return next(found, dns.rrset.RRset(name, dns.rdataclass.IN, kind))


def _negative_ttl(response: dns.message.Message) -> float:
    soas = (records for records in response.authority if records.rdtype == dns.rdatatype.SOA)
    return next((min(LONGEST_NO, soa.ttl, soa[0].minimum) for soa in soas), 0.0)


@dataclass(slots=True, kw_only=True)
class Cache:
    """Answers, each until its time is over; at most `most` of them. Times are seconds."""

    most: int = 10_000
    _answers: dict[Question, tuple[float, Answer]] = field(default_factory=dict)

    def put(self, question: Question, answer: Answer, *, now: float) -> None:
        """Remember `answer`."""
        self._answers.pop(question, None)
        if len(self._answers) >= self.most:
            del self._answers[next(iter(self._answers))]  # the one that was learned first
        self._answers[question] = now + answer.ttl, answer

    def get(self, question: Question, *, now: float) -> Answer | None:
        """What is still believed, with the time that it has left; None if nothing is."""
        until, answer = self._answers.get(question, (now, None))
        if answer is None or now >= until:
            self._answers.pop(question, None)
            return None
        return replace(answer, ttl=until - now)
