"""Grading: checks found and run, marks made of verdicts, and results written down whatever happens."""
