"""The users that programs run as: one for bubblewrap's inside, and for level 2 one that belongs to a single run."""

import fcntl
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labs.testbed import leftovers
from labs.testbed.sandbox.levels import Unavailable, tool

# 60706 to 61183 is the gap in systemd's table of users ("Users, Groups, UIDs and GIDs on systemd systems").
WRAPPED, EXECUTIONER, ACCOUNTS = 60706, 60707, range(60708, 61184)
_LOCKS = Path("/run/downstack")
_SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


@dataclass(frozen=True, slots=True)
class Account:
    """A user that belongs to one run, as long as `lock` is open, and the folder where that user is at home."""

    uid: int
    lock: int
    home: Path


def may_change_uid() -> bool:
    """Whether we are root, and the users that we would become exist in this user namespace."""
    if os.geteuid() != 0 or sys.platform != "linux":
        return False
    ranges = (map(int, line.split()) for line in Path("/proc/self/uid_map").read_text().splitlines())
    return any(first <= WRAPPED and ACCOUNTS.stop <= first + count for first, _, count in ranges)


def is_kernels_root() -> bool:
    """Whether root here is root of the machine: no user namespace lies between."""
    return Path("/proc/self/uid_map").read_text().split()[:2] == ["0", "0"]


def become(uid: int) -> list[str]:
    """Start the next command as `uid`, which has no capabilities and no way to get any."""
    who = ["--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    return [tool("setpriv"), *who, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


def open_account() -> Account:
    """A user that nobody else has, and nothing runs as; raises `Unavailable`. The caller must `close_account`."""
    if not may_change_uid():
        raise Unavailable("only root, outside user namespaces, can run programs as another user")
    _LOCKS.mkdir(mode=0o700, exist_ok=True)
    listed = leftovers.users()
    for uid in ACCOUNTS:
        lock = _lock(uid)
        if lock is None:
            continue
        # A judge that was killed could not end its program, and one that flees by forking is not always listed.
        if listed.get(uid, True):
            leftovers.kill_owned(uid, executioner=EXECUTIONER)
        if uid not in listed:
            home = Path(tempfile.mkdtemp(prefix="downstack-"))
            os.chown(home, uid, uid)
            return Account(uid, lock, home)
        os.close(lock)  # the dead count as processes of their user, until somebody collects them
    raise Unavailable(f"all {len(ACCOUNTS)} users for programs are taken")


def _lock(uid: int) -> int | None:
    """A descriptor that holds the only lock on `uid`, for as long as it is open; None when it is taken."""
    lock = os.open(_LOCKS / str(uid), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def close_account(account: Account) -> None:
    """Remove all that the user left at home and where everybody may write, and let others have the number."""
    _remove(account.home)
    for folder in map(Path, _SHARED_FOLDERS):
        for entry in folder.iterdir() if folder.is_dir() else ():
            with suppress(FileNotFoundError):
                if entry.lstat().st_uid == account.uid:
                    _remove(entry)
    os.close(account.lock)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
