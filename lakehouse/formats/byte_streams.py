"""Opening a delivered file: unpacked, watched for what a parser does not notice."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa

_SUFFIXES = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}


def compression_of(name: str, declared: str) -> str | None:
    """`gzip`, `zstd` or None: as declared, or by the suffix of the name."""
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
