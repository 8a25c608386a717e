"""Locks between processes that end with their holder, so that a crash never leaves one behind."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout


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
