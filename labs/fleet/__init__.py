"""A fleet of services, to measure what a library costs: `lab fleet`.

Twelve services of one league, written as four teams would write them, share a library (`library/courier.py`), which is
a thin cover of `mesh`. Another service is written in Ruby, and has none. The three prices of the essay:

1. *Glue.* Of each service's lines, how many are business, and how many wire it to the library?
2. *One runtime.* When an instance of *players* moves, or dies: how many questions fail that are asked through the
   library, and how many that the Ruby service asks by itself?
3. *Governance.* The library gets a new release, in which one option and one header have another name. How many files
   must be touched, how many processes started anew, how many questions fail while versions mix?

`catalogue` says which services there are, `working_copy` is where they are laid out and edited, `running` starts and
ends them, `people` ask, `prices` measures, `telling` prints. How an upgrade comes to a fleet is a `prices.Upgrade`, so
that the same fleet can be upgraded by other means.
"""
