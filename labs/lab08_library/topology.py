"""The town of lab 6: a router in the middle, and around it the machines of services, each on a network of its own.

`mn --custom labs/lab08_library/topology.py --topo town` takes it too.
"""

from labs.lab06_discovery.topology import Town, address

__all__ = ["Town", "address", "topos"]

topos = {"town": Town}
