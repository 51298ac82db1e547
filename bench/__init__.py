"""Benchmarks: ours and its peers, in turn, in one run. `./lab bench NAME` runs `rows()` of the module of that name."""
