"""What runs inside a program's own process: its host object, its clock, and the way it is started.

This package is the only part of `labs` that a student's process sees. It imports the standard library, trio,
`labs.testbed.channel` and what makes sockets of its messages (`netstack.sockets`), and nothing else of ours.
"""
