"""Decisions without actions: each of these objects is told what happens and when, and says what to do.

None of them awaits, sleeps, reads a clock or draws from a global source of randomness: `now` is an argument, in
seconds, and a `random.Random` is handed in. So a test of thirty seconds takes none, and a student's policy takes the
place of ours in a library, a sidecar or a mesh without being changed.
"""
