"""Locks between processes that end with their holder, so that a crash never leaves one behind."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

_POLL_SECONDS = 0.05


@contextmanager
def held_lock(path: Path, wait_seconds: float) -> Iterator[bool]:
    """Hold the exclusive lock on `path` inside the block.

    Args:
        path: the lock file; created with its folder, and left there.
        wait_seconds: how long to wait for another holder; 0 tries once, -1 waits for ever.

    Yields:
        False when another process (or another holder in this one) kept the lock for that long.
    """
    # No soft lock where flock is missing: its file outlives a killed holder.
    lock = FileLock(path, fallback_to_soft=False)
    try:
        acquired = lock.acquire(timeout=wait_seconds)
    except Timeout:
        yield False
        return
    with acquired:
        yield True


def shared_lock(path: Path) -> BinaryIO:
    """Share the lock on `path` with others that share it, until the file that is returned is closed.

    Waits while somebody holds it exclusively, as `held_lock` does. A child process has to close its copy of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


@contextmanager
def held_shared_lock(path: Path, wait_seconds: float) -> Iterator[bool]:
    """The same lock, which any number of holders share inside the block while nobody holds it alone.

    Arguments and result are those of `held_lock`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_seconds
    with path.open("a") as file:
        while not (is_held := _is_shared(file.fileno())):
            if wait_seconds >= 0 and time.monotonic() >= deadline:
                break
            time.sleep(_POLL_SECONDS)
        yield is_held


def _is_shared(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
