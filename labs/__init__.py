"""The course: its labs, the testbeds that they run on, and the `lab` command."""

__version__ = "0.1.0"
