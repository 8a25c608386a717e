"""Recognising a full disk: as an OSError of this process, or by the message of a library or the engine."""

from __future__ import annotations

import errno
import os

from lakehouse.errors import DiskFullError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WORDS = (*(os.strerror(number) for number in _NO_ROOM), "database or disk is full")  # the last are SQLite's


def no_room(error: Exception, work: str) -> DiskFullError | None:
    """The NoRoomError of `work` when `error` means that the disk is full, else None."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        file = f" ({error.filename})" if error.filename else ""
        return DiskFullError(work, os.strerror(error.errno or 0) + file)
    words = next((words for words in _WORDS if words.lower() in str(error).lower()), None)
    return None if words is None else DiskFullError(work, words)
