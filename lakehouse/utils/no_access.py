"""Recognising files that this process may not read or write: as an OSError, or by the message of a library or the
engine."""

from __future__ import annotations

import errno
import os
import pwd
import re
from pathlib import Path

from lakehouse.errors import NoAccessError

_NUMBERS = (errno.EACCES, errno.EPERM, errno.EROFS)
_WORDS = re.compile("|".join(re.escape(os.strerror(number)) for number in _NUMBERS), re.IGNORECASE)
_PATH = re.compile(r"(?<![\w:/.])/[^\s'\"`:;,()\[\]]+")


def no_access(error: BaseException, work: str) -> NoAccessError | None:
    """The NoAccessError of `work` when `error` means that a local file belongs to somebody else, else None."""
    if isinstance(error, OSError) and error.errno in _NUMBERS and error.filename is not None:
        return _error(work, Path(os.fsdecode(error.filename)))
    path = _path_in(str(error))
    return _error(work, path) if path is not None else None


def _path_in(text: str) -> Path | None:
    """The path that a library or an engine names beside the words of the operating system: the last one before them.

    None without words or path: then it is about something else, as when a database denies permission for a table.
    """
    words = _WORDS.search(text)
    if words is None:
        return None
    paths = list(_PATH.finditer(text))
    before = [path for path in paths if path.end() <= words.start()]
    return Path((before[-1:] or paths)[0][0]) if paths else None


def owner_of(path: Path) -> str:
    """Name of the user that a file belongs to; its number where it has no name."""
    return _user(path.stat().st_uid)


def this_user() -> str:
    """Name of the user that this process runs as."""
    return _user(os.geteuid())


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _error(work: str, path: Path) -> NoAccessError:
    seen = path
    while not _can_be_seen(seen):
        seen = seen.parent
    return NoAccessError(work, path, seen, owner_of(seen), seen.stat().st_mode & 0o777, this_user())


def _can_be_seen(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return path == path.parent
    return True
