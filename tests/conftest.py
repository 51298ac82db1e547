"""What holds for all tests: Ctrl-C can be tried, even where the test run itself was started in the background."""

import signal


def pytest_configure() -> None:
    """A shell lets its background jobs ignore SIGINT, and so would every process that a test starts and interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
