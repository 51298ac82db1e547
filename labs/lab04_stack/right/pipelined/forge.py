"""Builds anew what it wants to say, and takes from the frame what it needs for that."""

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether


def window_update(frame, window):
    ether, ip, tcp, number = parts(frame)
    options = [option for option in tcp.options if option[0] == "Timestamp"]
    said = TCP(sport=tcp.sport, dport=tcp.dport, seq=number, ack=tcp.ack, flags="A", window=window, options=options)
    return bytes(ether / ip / said)


def reset(frame, ahead=0):
    ether, ip, tcp, number = parts(frame)
    return bytes(ether / ip / TCP(sport=tcp.sport, dport=tcp.dport, seq=(number + ahead) & 0xFFFFFFFF, flags="R"))


def parts(frame):
    heard = Ether(frame)
    ip, tcp = heard[IP], heard[TCP]
    payload = ip.len - (ip.ihl + tcp.dataofs) * 4
    number = tcp.seq + payload + tcp.flags.S + tcp.flags.F
    return Ether(src=heard.src, dst=heard.dst), IP(src=ip.src, dst=ip.dst), tcp, number & 0xFFFFFFFF
