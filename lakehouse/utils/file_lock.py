"""Locks between processes that end with their holder, so that a crash never leaves one behind."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from types import TracebackType
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


class ProcessLock:
    """An exclusive lock that is taken thousands of times a second: its file stays open. Threads of one process exclude
    each other as well, and one that holds it may take it again. Like a lock of `threading`; must be closed.
    """

    def __init__(self, path: Path) -> None:
        """`path`: the lock file; created in its folder, and left there."""
        self._file = path.open("ab")
        self._inside = RLock()
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it. `timeout` is in seconds, and counts for threads of this process: others hold it for moments."""
        if not self._inside.acquire(blocking, timeout):
            return False
        if not self._depth:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX if blocking else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._inside.release()
                return False
        self._depth += 1
        return True

    def release(self) -> None:
        """Give it back, as often as it was taken."""
        self._depth -= 1
        if not self._depth:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._inside.release()

    def __enter__(self) -> ProcessLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def close(self) -> None:
        """Close its file; a holder loses it."""
        self._file.close()


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
