"""Messages in files of a folder, oldest first. What `append` has returned from survives a kill and a power failure.

A file holds records: length and CRC-32 of the content (4 bytes each, little-endian), then the content. Files are only
appended to, sent whole, and removed. A record at the end that is cut off was never answered for: it is left out.
"""

from __future__ import annotations

import logging
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec

from lakehouse.errors import TransientError
from lakehouse.kafka.producer import Message
from lakehouse.utils.atomic_files import make_private_folder
from lakehouse.utils.file_lock import held_lock

log = logging.getLogger(__name__)
_HEAD = struct.Struct("<II")
_DECODER = msgspec.msgpack.Decoder(Message)


class SpoolFullError(TransientError):
    """Nothing more can be kept: the limit is reached, or the disk refuses it."""

    def __init__(self, folder: Path, problem: str) -> None:
        remedy = "Bring Kafka back (`lakehouse services status`), make room, or raise LAKEHOUSE_COLLECTOR_SPOOL_MB."
        super().__init__(f"the spool {folder} takes no more: {problem}", remedy)


class SpoolInUseError(TransientError):
    """Another collector uses the spool."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"another collector uses the spool {folder}", "Stop it: `lakehouse realtime status` shows it.")


def encoded(messages: Sequence[Message]) -> bytes:
    """Messages as records."""
    contents = map(msgspec.msgpack.encode, messages)
    return b"".join(_HEAD.pack(len(content), zlib.crc32(content)) + content for content in contents)


class Segments:
    """The files. One process uses them at a time; any thread of it may call.

    Args:
        folder: created when it is missing.
        most_bytes: of all files together.
        segment_bytes: a file that is longer gets a successor.

    Attributes:
        total_bytes: of all files.

    Raises:
        SpoolInUseError: another process has opened the folder.
    """

    def __init__(self, folder: Path, most_bytes: int, segment_bytes: int = 4 * 2**20) -> None:
        make_private_folder(folder)
        self.folder, self._most, self._segment = folder, most_bytes, segment_bytes
        self._holding = ExitStack()
        if not self._holding.enter_context(held_lock(folder / "lock", wait_seconds=0)):
            raise SpoolInUseError(folder)
        self._lock = threading.Lock()
        self._sizes = {path: path.stat().st_size for path in sorted(folder.glob("*.spool"))}
        self.total_bytes = sum(self._sizes.values())
        self._open: int | None = None  # file descriptor of the last file, while it is appended to
        last = max((int(path.stem) for path in self._sizes), default=0)
        self._names = (folder / f"{number:012}.spool" for number in range(last + 1, 10**12))

    def has_room_for(self, count: int) -> bool:
        """Whether so many bytes keep to the limit."""
        return self.total_bytes + count <= self._most

    def append(self, records: bytes) -> None:
        """Keep records, durably.

        Raises:
            SpoolFullError: none of them is kept; what was kept before is as it was.
        """
        with self._lock:
            try:
                self._write(records)
            except OSError as error:
                self._seal()  # the next record must not follow a broken one
                self._remove_empty()
                raise SpoolFullError(self.folder, os.strerror(error.errno or 0)) from None

    def oldest(self) -> Path | None:
        """The oldest file, to which nothing is appended any more; None when there is none."""
        with self._lock:
            path = next(iter(self._sizes), None)
            if path is not None and len(self._sizes) == 1:
                self._seal()
            return path

    def remove(self, path: Path) -> None:
        """Forget a file whose messages are elsewhere now."""
        with self._lock:
            path.unlink(missing_ok=True)
            self.total_bytes -= self._sizes.pop(path)

    def close(self) -> None:
        """Let another process use the folder."""
        with self._lock:
            self._seal()
        self._holding.close()

    def _write(self, records: bytes) -> None:
        if self._open is None:
            path = next(self._names)
            self._open = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            self._sizes[path] = 0
            _sync_folder(self.folder)
        path = next(reversed(self._sizes))
        before = self._sizes[path]
        try:
            left = memoryview(records)
            while left:
                left = left[os.write(self._open, left) :]
            os.fdatasync(self._open)
        except OSError:
            with suppress(OSError):  # else the reader finds a record that is cut off, and leaves it out
                os.ftruncate(self._open, before)
            raise
        self._sizes[path] = before + len(records)
        self.total_bytes += len(records)
        if self._sizes[path] > self._segment:
            self._seal()

    def _remove_empty(self) -> None:
        path = next(reversed(self._sizes), None)
        if path is not None and not self._sizes[path]:
            del self._sizes[path]
            path.unlink(missing_ok=True)

    def _seal(self) -> None:
        if self._open is not None:
            os.close(self._open)
            self._open = None


def read_messages(path: Path) -> Iterator[Message]:
    """The messages of a file, in order, up to a record that is cut off or damaged."""
    content = path.read_bytes()
    at = 0
    while at + _HEAD.size <= len(content):
        length, checksum = _HEAD.unpack_from(content, at)
        record = content[at + _HEAD.size : at + _HEAD.size + length]
        if len(record) < length:
            return
        try:
            message = _DECODER.decode(record) if zlib.crc32(record) == checksum else None
        except msgspec.DecodeError:
            message = None
        if message is None:
            aside = path.with_suffix(".damaged")
            aside.write_bytes(content[at:])
            log.error("%s is damaged behind byte %d; the rest of it is kept in %s", path, at, aside)
            return
        yield message
        at += _HEAD.size + length


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
