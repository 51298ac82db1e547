"""Running somebody else's program so that it can harm neither the machine, nor its grade, nor its neighbours.

Three levels, told apart because each protects from less than the one before:

|  | bubblewrap (1) | another uid (2) | none (0) |
| --- | --- | --- | --- |
| can read | the system, the interpreter, what is handed over | what everybody may | what its user may |
| can write | a `/tmp` of its own, limited in size | its own folder, and `/tmp` | what its user may |
| sees processes | its own | all | all |
| signals processes | its own | its own | its user's |
| network | the one given, or an empty one | the same, if root may make one | the one given, or the caller's |
| limits | memory, CPU time, size of a file, number of processes | the same | all but the last |
| `end` leaves | nothing | nothing | what wiped its environment |

Limits on memory and CPU time hold for each process; their sum is bounded by the number of processes and by the caller's
deadline. If memory runs out all the same, the kernel takes the sandboxed first. Left out: control groups, which plain
users cannot have, and a filter of system calls: there are no capabilities and no further user namespaces inside.

**Level 1 as root** takes two bubblewraps. The first runs as root and builds the view, so it reaches an interpreter in
`/root` or a checkout that only root may enter; the second runs as an unprivileged user *inside that view* and makes
the namespaces. Were there only one, started as root, the program would be the kernel's user 0, whose number of
processes is never limited; were there only one, started as the user, it could not reach what it has to show.

**Level 2** gives each run a user of its own, from a range that neither Debian nor systemd uses, so that `kill -9 -1`
finds nobody but itself, and so that we find all that it started.
"""

from labs.testbed.sandbox.choice import best_level, why_not
from labs.testbed.sandbox.confined import Confined, end, ending, launch
from labs.testbed.sandbox.levels import Level, Unavailable
from labs.testbed.sandbox.limits import Limits

__all__ = ["Confined", "Level", "Limits", "Unavailable", "best_level", "end", "ending", "launch", "why_not"]
