"""No scapy: a frame is bytes, and a checksum is a sum."""

import struct


def window_update(frame, window):
    return forged(frame, 0x10, window, 0)


def reset(frame, ahead=0):
    return forged(frame, 0x04, 0, ahead)


def forged(frame, flags, window, ahead):
    ip_length = (frame[14] & 15) * 4
    total = int.from_bytes(frame[16:18], "big")
    ip = bytearray(frame[14 : 14 + ip_length])
    tcp = bytearray(frame[14 + ip_length : 14 + total])
    header = (tcp[12] >> 4) * 4
    payload = len(tcp) - header
    del tcp[header:]
    was = tcp[13]
    number = int.from_bytes(tcp[4:8], "big") + payload + bool(was & 2) + (was & 1) + ahead
    tcp[4:8] = struct.pack(">I", number & 0xFFFFFFFF)
    tcp[13] = flags
    tcp[14:16] = struct.pack(">H", window)
    ip[2:4] = struct.pack(">H", ip_length + len(tcp))
    ip[10:12] = tcp[16:18] = b"\0\0"
    ip[10:12] = checksum(bytes(ip))
    tcp[16:18] = checksum(bytes(ip[12:20]) + struct.pack(">HH", 6, len(tcp)) + bytes(tcp))
    return frame[:14] + bytes(ip + tcp)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~total & 0xFFFF)
