"""Sleeps in real time, by every way there is."""

import ctypes
import select
import time


def sleep() -> None:
    try:
        time.sleep(100)
    except RuntimeError:
        pass
    try:
        select.select([], [], [], 100)
    finally:
        ctypes.CDLL(None).sleep(100)


async def main(host):
    sleep()
