"""Looks for the checks, the reference, keys and other people's files, and prints what it can read as `LEAK path`."""

import importlib.util
import os
import sys
from pathlib import Path

WANTED = {"checks", "held", "right", "wrong", "reference", "results.json", "lab.toml", "shadow", "id_rsa", "id_ed25519"}
ANSWERS = ("netstack.framing", "netstack.neighbours", "netstack.multiplex", "netstack.privacy", "labs.grading")
PUBLIC = ("/proc", "/sys", "/usr", "/dev", "/lib", "/bin", "/sbin", sys.base_prefix)
LIBRARIES = "site-packages"
MOST = 20_000


def look_below(top: Path) -> None:
    if LIBRARIES in top.parts:
        return
    for seen, (folder, folders, files) in enumerate(os.walk(top)):
        folders[:] = [name for name in folders if not str(Path(folder, name)).startswith(PUBLIC) and name != LIBRARIES]
        for name in WANTED.intersection([*folders, *files]):
            print("LEAK", Path(folder, name))
        if seen > MOST:
            return


def look_into(path: Path) -> None:
    try:
        found = any(path.iterdir()) if path.is_dir() else path.read_bytes()
    except OSError:
        return
    if found:
        print("LEAK", path)


def look_for(module: str) -> None:
    try:
        found = importlib.util.find_spec(module)
    except ImportError:
        return
    if found:
        print("LEAK", module)


def look_into_environment(path: Path) -> None:
    try:
        found = path.read_bytes()
    except OSError:
        return
    for word in (b"_KEY", b"_SEED", b"_TOKEN", b"SECRET"):
        if word in found:
            print("LEAK", path, word.decode())


async def main(host):
    for top in ("/", os.environ["HOME"], ".", *sys.path, *Path(__file__).parents):
        look_below(Path(top))
    for path in ("/root", "/home", "/etc/shadow", "/etc/passwd"):
        look_into(Path(path))
    for module in ANSWERS:
        look_for(module)
    for process in filter(str.isdigit, os.listdir("/proc")):
        look_into_environment(Path("/proc", process, "environ"))
