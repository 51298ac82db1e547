"""Spins, and never gives its turn back."""


def spin() -> None:
    while True:
        pass


async def main(host):
    spin()
