"""`python -m labs` is the `lab` command."""

import sys

from labs.cli.main import main

sys.exit(main())
