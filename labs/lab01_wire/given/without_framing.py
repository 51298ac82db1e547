"""Runs another program of this lab on a machine that has no `framing.py`."""

import importlib
import sys


async def main(host):
    sys.modules["framing"] = None  # from now on, whoever imports it gets an ImportError
    await importlib.import_module(host.arguments["program"]).main(host)
