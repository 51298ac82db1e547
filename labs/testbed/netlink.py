"""Just enough rtnetlink to build an emulated network: links, addresses and bridges, with no program started for each.

A netlink request is a header (length, type, flags, sequence number, port), a fixed structure of its family, and a tree
of attributes (length, type, value, padded to 4 bytes). The kernel answers each with an error number, zero for success.
See rtnetlink(7) and linux/if_link.h, whose names the constants keep.

A `Netlink` belongs to the network namespace in which it was opened, for ever: opened once inside a host, it configures
that host from anywhere. Left out: dumps, routes, and everything else that `ip` does better.
"""

import ipaddress
import itertools
import os
import socket
import struct
from types import TracebackType
from typing import Self

NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 0x1, 0x4, 0x200, 0x400
NLMSG_ERROR = 2
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_NEWADDR, RTM_NEWQDISC = 16, 17, 18, 20, 36

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_LINKINFO, IFLA_NET_NS_FD = 1, 3, 4, 10, 18, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_DATA, VETH_INFO_PEER = 1, 2, 5, 1
IFLA_BRPORT_STATE, BR_STATE_FORWARDING = 1, 3
IFA_ADDRESS, IFA_LOCAL = 1, 2
TCA_KIND, TCA_OPTIONS, TC_H_ROOT = 1, 2, 0xFFFF_FFFF

IFF_UP, IFF_NOARP = 0x1, 0x80

_HEADER = struct.Struct("IHHII")
_LINK = struct.Struct("BxHiII")  # struct ifinfomsg: family, type, index, flags, which flags to change
_ADDRESS = struct.Struct("BBBBi")  # struct ifaddrmsg: family, prefix, flags, scope, index
_QUEUE = struct.Struct("BxxxiIII")  # struct tcmsg: family, index, handle, parent, info
_NETEM = struct.Struct("6I")  # struct tc_netem_qopt: latency, limit, loss, gap, duplicate, jitter
_ATTRIBUTE = struct.Struct("HH")
_NUMBER = struct.Struct("I")
_TYPE_ONLY = 0x3FFF  # an attribute's type without its nested and byte-order bits


class NetlinkError(OSError):
    """The kernel refused a request; the text says which and why."""


class Netlink:
    """A connection to the kernel's link and address tables in this thread's present network namespace."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._numbers = itertools.count(1)
        self._indexes: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; what was configured stays."""
        self._socket.close()

    def add_bridge(self, name: str) -> None:
        """Make a learning bridge without spanning tree, and set it up."""
        kind = _attribute(IFLA_LINKINFO, _text(IFLA_INFO_KIND, "bridge"))
        self._request(
            f"add bridge {name}", RTM_NEWLINK, _link(flags=IFF_UP) + _text(IFLA_IFNAME, name) + kind, new=True
        )

    def add_veth(
        self,
        name: str,
        peer: str,
        *,
        peer_namespace: int,
        address: str | None = None,
        peer_address: str | None = None,
        mtu: int | None = None,
        bridge: str | None = None,
    ) -> None:
        """Make a pair of interfaces: `name`, up, here (in `bridge`, when given), and `peer` in an open namespace file.

        The kernel wants the peer down; `change` sets it up, from its own namespace.
        """
        other = _link() + _properties(peer, peer_address, mtu) + _number(IFLA_NET_NS_FD, peer_namespace)
        pair = _attribute(IFLA_INFO_DATA, _attribute(VETH_INFO_PEER, other))
        kind = _attribute(IFLA_LINKINFO, _text(IFLA_INFO_KIND, "veth") + pair)
        master = _number(IFLA_MASTER, self.index(bridge)) if bridge else b""
        body = _link(flags=IFF_UP) + _properties(name, address, mtu) + master + kind
        self._request(f"add link {name} - {peer}", RTM_NEWLINK, body, new=True)

    def change(
        self,
        name: str,
        *,
        up: bool | None = None,
        arp: bool | None = None,
        address: str | None = None,
        mtu: int | None = None,
        rename: str | None = None,
        bridge: str | None = None,
    ) -> None:
        """Change what is given of an interface. A new name needs it down; a MAC address is text as `02:00:…`."""
        mask = (0 if up is None else IFF_UP) | (0 if arp is None else IFF_NOARP)
        flags = (IFF_UP if up else 0) | (IFF_NOARP if arp is False else 0)
        body = _link(self.index(name), flags, mask) + _properties(rename, address, mtu)
        if bridge is not None:
            body += _number(IFLA_MASTER, self.index(bridge))
        self._request(f"change {name}", RTM_NEWLINK, body)
        if rename:
            self._indexes[rename] = self._indexes.pop(name)

    def delete(self, name: str) -> None:
        """Delete an interface, its peer with it. Slow (20 ms): closing its namespace is the better way."""
        self._request(f"delete {name}", RTM_DELLINK, _link(self.index(name)))
        del self._indexes[name]

    def add_address(self, name: str, address: str) -> None:
        """Give an interface an IPv4 or IPv6 address, written with its prefix length: `10.0.0.1/8`."""
        interface = ipaddress.ip_interface(address)
        family = socket.AF_INET if interface.version == 4 else socket.AF_INET6
        body = _ADDRESS.pack(family, interface.network.prefixlen, 0, 0, self.index(name))
        packed = interface.ip.packed
        body += _attribute(IFA_LOCAL, packed) + _attribute(IFA_ADDRESS, packed)
        self._request(f"add address {address} to {name}", RTM_NEWADDR, body, new=True)

    def add_netem(self, name: str, *, limit: int = 1000) -> None:
        """Make netem, which does nothing to frames as long as nothing else is said, the interface's queue."""
        body = _QUEUE.pack(socket.AF_UNSPEC, self.index(name), 0, TC_H_ROOT, 0)
        body += _text(TCA_KIND, "netem") + _attribute(TCA_OPTIONS, _NETEM.pack(0, limit, 0, 0, 0, 0))
        self._request(f"put netem on {name}", RTM_NEWQDISC, body, new=True)

    def forwards(self, port: str) -> bool:
        """Whether a bridge's port has begun to forward, which may take it a second after it was set up."""
        reply = self._get(port)
        info = _attributes(_attributes(reply[_LINK.size :]).get(IFLA_LINKINFO, b""))
        state = _attributes(info.get(IFLA_INFO_SLAVE_DATA, b"")).get(IFLA_BRPORT_STATE, b"\0")
        return state[0] == BR_STATE_FORWARDING

    def index(self, name: str) -> int:
        """The kernel's number of an interface."""
        if name not in self._indexes:
            self._indexes[name] = _LINK.unpack_from(self._get(name))[2]
        return self._indexes[name]

    def _get(self, name: str) -> bytes:
        return self._request(f"look up {name}", RTM_GETLINK, _link() + _text(IFLA_IFNAME, name))

    def _request(self, what: str, kind: int, body: bytes, *, new: bool = False) -> bytes:
        """Send one request and return the body of the kernel's answer; raise `NetlinkError`."""
        flags = NLM_F_REQUEST | (0 if kind == RTM_GETLINK else NLM_F_ACK) | (NLM_F_CREATE | NLM_F_EXCL if new else 0)
        number = next(self._numbers)
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, number, 0) + body)
        answer = self._socket.recv(65536)
        _, answered, _, same, _ = _HEADER.unpack_from(answer)
        assert same == number, "netlink answers in order"
        if answered == NLMSG_ERROR and (code := -struct.unpack_from("i", answer, _HEADER.size)[0]):
            raise NetlinkError(code, f"cannot {what}: {os.strerror(code)}")
        return answer[_HEADER.size :]


def _link(index: int = 0, flags: int = 0, mask: int | None = None) -> bytes:
    return _LINK.pack(socket.AF_UNSPEC, 0, index, flags, flags if mask is None else mask)


def _properties(name: str | None, address: str | None, mtu: int | None) -> bytes:
    return (
        (_text(IFLA_IFNAME, name) if name else b"")
        + (_attribute(IFLA_ADDRESS, bytes.fromhex(address.replace(":", ""))) if address else b"")
        + (_number(IFLA_MTU, mtu) if mtu else b"")
    )


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, _NUMBER.pack(value))


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        found[kind & _TYPE_ONLY] = data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
    return found
