"""Lab 8's questions: a role in another place, a session of codec and handler, and the fleet's three prices."""

from labs.lab08_library.elsewhere import predict_3
from labs.lab08_library.prices import predict_6
from labs.lab08_library.session import predict_5

__all__ = ["predict_3", "predict_5", "predict_6"]
