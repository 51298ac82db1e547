"""TCP: what sank below the application when flow control did. See `connection` for how it is put together."""

from netstack.tcp.congestion import Congestion, NewReno
from netstack.tcp.connection import Connection
from netstack.tcp.cubic import Cubic
from netstack.tcp.isn import Endpoint, initial_sequence_number
from netstack.tcp.parts import OURS, Parts
from netstack.tcp.settings import Settings
from netstack.tcp.states import Failure, State

__all__ = [
    "OURS",
    "Congestion",
    "Connection",
    "Cubic",
    "Endpoint",
    "Failure",
    "NewReno",
    "Parts",
    "Settings",
    "State",
    "initial_sequence_number",
]
