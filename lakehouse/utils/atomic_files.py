"""Files of the outbox: for their owner only, and whole or absent, also when the process is killed or the machine goes
down."""

from __future__ import annotations

import os
from pathlib import Path


def close_to_others(root: Path, folder: Path) -> None:
    """Make `folder` (at or below `root`) with everything missing above it, and take from others what they may do in it
    and up to `root`.

    Folders that an earlier version left open are closed too; those of another user are left as they are.
    """
    _make(folder)
    for place in (folder, *folder.parents):
        status = place.stat()
        if status.st_mode & 0o077 and status.st_uid == os.getuid():
            place.chmod(0o700)
        if place == root:
            return


def write_whole(path: Path, content: bytes) -> None:
    """Write to a temporary name, flush to disk, rename. Folder and file are for their owner only: they hold personal
    data."""
    _make(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _make(folder: Path) -> None:
    # mkdir(parents=True) would give the mode to the last folder only
    for missing in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
