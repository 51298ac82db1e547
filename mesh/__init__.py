"""What sank next: the layers between services, written once and put together in libraries, sidecars and a mesh.

The policies are pure: they take `now`, decide, and do nothing. The layers are thin: they ask a policy, and act.
"""
