"""What sank below the application in act I: links, frames, neighbours, routes, flow control, TCP.

Everything here is either a pure core (it takes `now`, never awaits, never opens a socket) or a thin trio shell around
one.
"""
