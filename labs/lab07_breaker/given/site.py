"""site: the page that people look at. It asks teams, in the same way as teams asks players."""

from teams import main as ask_for_people


async def main(host):
    await ask_for_people(host)
