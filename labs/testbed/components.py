"""Real servers as plain processes: the commands that start those of Debian's which run beside ours.

Each works in a folder, listens at one address, and is no service of the machine; whoever starts one ends it by its
process id. `./lab test --all` gets what is missing here.
"""

import os
import shutil
from pathlib import Path

# Small enough for the limits that a program on an emulated host has, on addresses and on files.
_JAVA = (
    "-Xmx96m",
    "-XX:CompressedClassSpaceSize=32m",
    "-XX:ReservedCodeCacheSize=32m",
    "-Dzookeeper.preAllocSize=1024",
)
_QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no")
_SERVER = "org.apache.zookeeper.server.ZooKeeperServerMain"


class NotHere(Exception):
    """A program that is not installed; the text says which, and how to get it."""


def zookeeper(folder: Path, port: int, *, host: str = "127.0.0.1", tick: int = 500) -> list[str]:
    """ZooKeeper; `tick` is milliseconds, a session lasts two ticks at least. Raises `NotHere`."""
    java, jar = shutil.which("java"), _shared("java/zookeeper.jar")
    if java is None or jar is None:
        raise NotHere("no ZooKeeper here: apt-get install default-jre-headless libzookeeper-java")
    settings = {
        "tickTime": tick,
        "dataDir": folder / "data",
        "clientPort": port,
        "clientPortAddress": host,
        "admin.enableServer": "false",
        "minSessionTimeout": 2 * tick,
    }
    config = folder / "zoo.cfg"
    config.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")
    return [java, *_JAVA, *_QUICK, "-cp", str(jar), _SERVER, str(config)]


def etcd(folder: Path, port: int, *, host: str = "127.0.0.1") -> list[str]:
    """etcd, alone, with its peers' port right above `port`; says little. Raises `NotHere`."""
    program = shutil.which("etcd")
    if program is None:
        raise NotHere("no etcd here: ./lab test --all unpacks Debian's etcd-server")
    clients, peers = f"http://{host}:{port}", f"http://{host}:{port + 1}"
    options = {
        "data-dir": folder / "data",
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"default={peers}",
        "heartbeat-interval": 50,
        "election-timeout": 500,
        "logger": "zap",
        "log-outputs": folder / "log",
    }
    return [program, *(f"--{key}={value}" for key, value in options.items())]


def _shared(name: str) -> Path | None:
    """A file of Debian's below share/, beside one of the folders of programs."""
    folders = (Path(folder).parent / "share" / name for folder in os.get_exec_path())
    return next((path for path in folders if path.exists()), None)
