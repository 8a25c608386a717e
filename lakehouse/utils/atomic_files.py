"""Files that are whole or absent: written under a temporary name beside the target, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700
_FILE = 0o666  # less what the umask of the process takes away
PRIVATE_UMASK = 0o077


def keep_new_files_private() -> None:
    """From here on, only their owner can read what this process and its children write: it is personal data.

    Called wherever work begins: by the command line, supervisors, the DAG files, stages and jobs.
    """
    os.umask(PRIVATE_UMASK)


def temporary_sibling(path: Path) -> Path:
    """A hidden name in the same folder, so that renaming is atomic; unique to this process."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


@contextmanager
def replacing(path: Path, temporary: Path | None = None) -> Iterator[Path]:
    """Write a file in the block to the path it yields; at the end of the block it replaces `path` in one step.

    When the block raises, the temporary file is removed and `path` stays as it was.

    Args:
        path: the file to replace or create.
        temporary: where to write, in the same folder; a hidden sibling by default.
    """
    draft = temporary or temporary_sibling(path)
    try:
        yield draft
        os.replace(draft, path)
    except BaseException:
        with suppress(OSError):  # the error that counts is the first one
            draft.unlink()
        raise


def write_whole(path: Path, content: bytes | str) -> None:
    """Replace or create a file in one step; missing folders are made. A reader sees the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        _write(draft, content, _FILE)


def write_private(path: Path, content: bytes | str) -> None:
    """As `write_whole`, readable by its owner only, missing folders too, and flushed to disk before the rename.

    For personal data and for what must survive a power failure.
    """
    with writing_private(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def writing_private(path: Path) -> Iterator[BinaryIO]:
    """The same for a content that is written bit by bit, into the file that this yields."""
    make_private_folder(path.parent)
    with replacing(path) as draft, open(draft, "wb", opener=_private) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_private_once(path: Path, content: bytes | str) -> None:
    """Create a file, and its folder, that only the owner can read; an existing one is unchanged.

    When two processes create it at the same moment, the first one wins and both then read the same content.
    """
    path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    draft = temporary_sibling(path)
    try:
        _write(draft, content, _PRIVATE_FILE)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def make_private_folder(folder: Path) -> None:
    """Create a folder and everything missing above it, accessible to their owner only; existing ones are unchanged."""
    # mkdir(parents=True) would give the mode to the last folder only
    for missing in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
        missing.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)


def restrict_to_owner(root: Path, folder: Path) -> None:
    """Create `folder` (at or below `root`) and remove the access of group and others from it and the folders up to
    `root`.

    Folders that an earlier version left open are restricted too; those of another user are unchanged.
    """
    make_private_folder(folder)
    for place in (folder, *folder.parents):
        status = place.stat()
        if status.st_mode & 0o077 and status.st_uid == os.getuid():
            place.chmod(_PRIVATE_FOLDER)
        if place == root:
            return


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, _PRIVATE_FILE)


def _write(path: Path, content: bytes | str, mode: int) -> None:
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content.encode() if isinstance(content, str) else content)
