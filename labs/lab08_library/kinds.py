"""What travels in this lab is what travelled in lab 6: calls, and what is said to the registry."""

from labs.lab06_discovery.kinds import classify, describe, fields

__all__ = ["classify", "describe", "fields"]
