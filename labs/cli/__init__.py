"""The `lab` command: one module a command, each imported only when it is asked for."""
