"""The same faults, one generation of networking after the other: who takes which of them off the application's hands.

`faults` reads a script, in words that mean the same whatever is on the wire. `known` lists the generations: what they
play, and by which traces their layers can be told to have acted. `replay` plays each fault alone, and all of them
together, on each generation, and compares with a play without any. `words` and `page` show what came of it.
"""
