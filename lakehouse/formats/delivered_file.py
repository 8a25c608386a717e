"""What delivered files have in common, whatever their format: how they are opened, and the names of their columns."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from lakehouse.config.column_mapping import landed_name
from lakehouse.errors import UnreadableFileError

_SUFFIXES = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}


def compression_of(name: str, declared: str | None) -> str | None:
    """`gzip`, `zstd` or None: as declared, or for `auto` by the suffix of the name."""
    if declared == "auto":
        return _SUFFIXES.get(Path(name).suffix.lower())
    return None if declared == "none" else declared


class WatchedStream(io.RawIOBase):
    """The unpacked bytes of a file, with their last byte and the number of quotes seen: signs of a truncated file."""

    def __init__(self, path: Path, compression: str | None, quote: str | None = None) -> None:
        source = pa.OSFile(str(path))
        self._inner = pa.CompressedInputStream(source, compression) if compression else source
        self._quote = quote.encode() if quote and quote.isascii() else b""
        self.last = b""
        self.count_quotes = 0

    def readable(self) -> bool:
        """Always true: pyarrow asks before it reads."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes; OSError when a compressed file is truncated or not what its suffix says."""
        data: bytes = self._inner.read(size if size is not None and size >= 0 else None)
        if data:
            self.last = data[-1:]
            if self._quote:
                self.count_quotes += data.count(self._quote)
        return data

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer and return how many bytes were read; 0 at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the stream, and the one that it reads from."""
        if not self.closed:
            self._inner.close()
        super().close()


def landed_names(delivered: list[str]) -> list[str]:
    """Landed names of delivered columns; ValueError when two become the same (upper and lower case count as equal)."""
    names = [landed_name(name, position) for position, name in enumerate(delivered, 1)]
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise ValueError(
                f"two columns are called {name!r} (names that differ only in upper and lower case are the same)"
            )
        seen.add(name.lower())
    return names


def require(expected: Sequence[str], found: Sequence[str], name: str) -> None:
    """UnreadableFileError when a file lacks columns that the mapping reads."""
    missing = [column for column in expected if column not in found]
    if len(missing) == len(expected) > 1:
        raise UnreadableFileError(
            name,
            f"wrong header: none of the mapped columns is there ({', '.join(missing)});"
            " check header line and delimiter",
        )
    if missing:
        raise UnreadableFileError(name, f"missing columns: {', '.join(missing)}")
