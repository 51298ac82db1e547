"""A zone: the records at and below one name, and what an authoritative server answers from them. Pure.

Four answers look alike and are not. The name has such records: here they are. It has others, or names below it: *no
data*. There is no such name: NXDOMAIN. It is not in this zone: refused. The two in the middle carry the zone's SOA
record, which says for how long the no may be believed (RFC 2308).

    zone = Zone(origin="example.")
    zone.put("players", "A", "10.0.0.2", "10.0.0.3", ttl=30)
    zone.put("_players._tcp", "SRV", "0 10 8080 a1.example.", ttl=30)
"""

from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

SMALLEST, OURS, LARGEST = 512, 1232, 65535
"""Bytes of an answer over UDP without EDNS (RFC 1035), what we take with it (flag day 2020), and over TCP."""

Records = dict[dns.rdatatype.RdataType, dns.rrset.RRset]


@dataclass(slots=True, kw_only=True)
class Zone:
    """What is known of `origin` and below. `ttl` and `negative` are seconds that a yes and a no may be remembered."""

    origin: str
    ttl: int = 30
    negative: int = 60
    _records: dict[dns.name.Name, Records] = field(default_factory=dict)
    _serial: int = 0
    _turn: int = 0

    def __post_init__(self) -> None:
        if not self.origin.endswith("."):
            raise ValueError(f"an origin is written in full, with a dot at its end: {self.origin}.")
        self._count()

    def put(self, name: str, kind: str, *values: str, ttl: int | None = None) -> None:
        """From now on these are the records of `kind` at `name`, below the origin; without values there are none.

        Raises `dns.exception.DNSException` for what is no name, kind or value.
        """
        owner = dns.name.from_text(name, dns.name.from_text(self.origin))
        kind_ = dns.rdatatype.from_text(kind)
        if values:
            records = dns.rrset.from_text_list(owner, self.ttl if ttl is None else ttl, "IN", kind_, list(values))
            self._records.setdefault(owner, {})[kind_] = records
        elif owner in self._records:
            self._records[owner].pop(kind_, None)
            if not self._records[owner]:
                del self._records[owner]
        self._count()

    def _count(self) -> None:
        """Each version of the zone has the next serial number, which is in its SOA."""
        self._serial += 1
        origin = dns.name.from_text(self.origin)
        people = f"ns.{self.origin} hostmaster.{self.origin}"
        timers = f"{self._serial} 3600 600 86400 {self.negative}"
        # RFC 2308 (3): in a negative answer its own TTL is not above its last field
        soa = dns.rrset.from_text(origin, self.negative, "IN", "SOA", f"{people} {timers}")
        self._records.setdefault(origin, {})[dns.rdatatype.SOA] = soa

    def answer(self, data: bytes, *, over_tcp: bool = False) -> bytes | None:
        """The message that answers the one in `data`; None for what is none, or is an answer itself."""
        try:
            query = dns.message.from_wire(data)
        except (dns.exception.DNSException, ValueError):
            return _malformed(data)
        if query.flags & dns.flags.QR:
            return None
        response = self._response(query)
        longest = LARGEST if over_tcp else max(SMALLEST, min(query.payload, OURS))
        return _fitting(response, longest)

    def _response(self, query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query, our_payload=OURS)
        if query.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
        elif query.edns > 0:
            response.set_rcode(dns.rcode.BADVERS)  # RFC 6891 (6.1.3)
        elif len(query.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
        else:
            self._look_up(query.question[0], response)
        return response

    def _look_up(self, question: dns.rrset.RRset, response: dns.message.Message) -> None:
        origin = dns.name.from_text(self.origin)
        if question.rdclass != dns.rdataclass.IN or not question.name.is_subdomain(origin):
            response.set_rcode(dns.rcode.REFUSED)
            return
        response.flags |= dns.flags.AA
        records = self._records.get(question.name, {})
        if question.rdtype == dns.rdatatype.ANY and records:
            response.answer = list(records.values())[:1]  # RFC 8482 (4.1): one of them is enough
        elif question.rdtype in records:
            self._say(records[question.rdtype], response)
        else:
            if not any(name.is_subdomain(question.name) for name in self._records):  # RFC 8020
                response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority = [self._records[origin][dns.rdatatype.SOA]]

    def _say(self, records: dns.rrset.RRset, response: dns.message.Message) -> None:
        """Each time another record comes first: for who takes the first, this is a balancer."""
        self._turn += 1
        first = self._turn % len(records)
        ordered = list(records)
        turned = dns.rrset.from_rdata_list(records.name, records.ttl, [*ordered[first:], *ordered[:first]])
        response.answer = [turned]
        if records.rdtype == dns.rdatatype.SRV:
            targets = {record.target for record in records}
            known = (self._records.get(target, {}).get(dns.rdatatype.A) for target in sorted(targets))
            response.additional = [addresses for addresses in known if addresses]


def _fitting(response: dns.message.Message, longest: int) -> bytes:
    """The bytes of `response`, or of so much of it as goes into `longest` bytes."""
    for _ in range(2):
        try:
            return bytes(response.to_wire(max_size=longest, want_shuffle=False))
        except dns.exception.TooBig:
            response.additional = []  # RFC 2181 (9): that alone is no truncation
    response.answer, response.authority = [], []
    response.flags |= dns.flags.TC
    return bytes(response.to_wire(max_size=longest))


def _malformed(data: bytes) -> bytes | None:
    """FORMERR, with nothing but the header, to what has at least a header; silence to anything else."""
    if len(data) < 12 or data[2] & 0x80:
        return None
    response = dns.message.Message(id=int.from_bytes(data[:2], "big"))
    response.flags |= dns.flags.QR
    response.set_rcode(dns.rcode.FORMERR)
    return bytes(response.to_wire())
