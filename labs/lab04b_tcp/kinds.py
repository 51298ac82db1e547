"""What travels in this lab: Ethernet with ARP, or with IPv4 and TCP. The formats are the Internet's own."""

from labs.story.packets import classify, describe, fields

__all__ = ["classify", "describe", "fields"]
