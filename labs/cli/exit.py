"""How a command ends: its exit codes, and the one exception that becomes a message instead of a traceback."""

PASSED = 0
FAILED = 1
INCONCLUSIVE = 2  # also: not run
USAGE = 64  # EX_USAGE of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as a shell says it
PIPE_CLOSED = 141  # 128 + SIGPIPE


class Refusal(Exception):
    """The command cannot do what was asked; `message` says why, `cure` the one thing that would help."""

    def __init__(self, message: str, *, cure: str | None = None, code: int = USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure
        self.code = code
