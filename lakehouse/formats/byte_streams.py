"""The bytes of a delivered file on their way to a parser: unpacked, as UTF-8, without the lines that are no rows."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa

CHUNK_BYTES = 4 << 20
_SUFFIXES = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_AS_THEY_ARE = ("utf-8", "utf-8-sig")


def compression_of(name: str, declared: str | None) -> str | None:
    """`gzip`, `zstd` or None: as declared, or for `auto` by the suffix of the name."""
    if declared == "auto":
        return _SUFFIXES.get(Path(name).suffix.lower())
    return None if declared == "none" else declared


def local_file(path: Path) -> pa.OSFile:
    """An open file, whatever the encoding of its name."""
    return pa.OSFile(os.fsencode(path))


def unpacked(path: Path, compression: str | None) -> Iterator[bytes]:
    """The content in chunks; OSError when a compressed file is truncated or not what its suffix says."""
    with local_file(path) as source, _opened(source, compression) as inner:
        held: list[bytes] = []
        size = 0
        while data := _read(inner):
            held.append(data)
            size += len(data)
            if size >= CHUNK_BYTES:
                yield b"".join(held)
                held, size = [], 0
        if held:
            yield b"".join(held)


def _opened(source: pa.OSFile, compression: str | None) -> Any:
    if compression == "gzip":  # Python's reads what `gzip -d` does: several members, and zeros that fill a tape block
        return gzip.GzipFile(fileobj=source)
    return pa.CompressedInputStream(source, compression) if compression else nullcontext(source)


def _read(inner: Any) -> bytes:
    try:
        data: bytes = inner.read(CHUNK_BYTES)
    except gzip.BadGzipFile:  # its message quotes the content
        raise OSError("it is not gzip, or damaged") from None
    except (EOFError, zlib.error) as error:
        raise OSError(str(error)) from None
    return data


def as_utf8(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Chunks in UTF-8 without a byte order mark; UnicodeError when they are not in `encoding`.

    What is UTF-8 already passes as it is: the parser checks it.
    """
    decoder = None if codecs.lookup(encoding).name in _AS_THEY_ARE else codecs.getincrementaldecoder(encoding)()
    is_first = True
    for chunk in chunks:
        text = chunk if decoder is None else decoder.decode(chunk).encode()
        if is_first and text:
            text, is_first = text.removeprefix(codecs.BOM_UTF8), False
        if text:
            yield text
    if decoder is not None and (rest := decoder.decode(b"", final=True)):
        yield rest.encode()


def without_footer(chunks: Iterator[bytes], count_lines: int, longest_bytes: int) -> Iterator[bytes]:
    """Chunks without the last `count_lines` lines that are not empty.

    OSError when so many lines in a row, with the empty ones after them, are longer than `longest_bytes`.
    """
    if not count_lines:
        yield from chunks
        return
    held = b""
    for chunk in chunks:
        held += chunk
        start = _footer_start(held, count_lines)
        if start:
            yield held[:start]
            held = held[start:]
        if len(held) > longest_bytes:
            raise OSError(f"{count_lines} lines in a row (`skip_footer`) are longer than {longest_bytes >> 20} MB")
    start = _footer_start(held, count_lines)
    if start:
        yield held[:start]


def _footer_start(data: bytes, count_lines: int) -> int:
    """Where the last `count_lines` lines that are not empty begin; 0 when there are no more than those."""
    end = len(data)
    for _ in range(count_lines):
        end = len(data[:end].rstrip(b"\r\n"))
        end = max(data.rfind(b"\n", 0, end), data.rfind(b"\r", 0, end)) + 1
    return end


class ChunkReader(io.RawIOBase):
    """Chunks as a file for a parser that asks for so many bytes at a time."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""

    def readable(self) -> bool:
        """Always true: pyarrow asks before it reads."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, fewer only at the end."""
        wanted = size if size is not None and size >= 0 else None
        while (wanted is None or len(self._held) < wanted) and (chunk := next(self._chunks, b"")):
            self._held = self._held + chunk if self._held else chunk
        found, self._held = (self._held, b"") if wanted is None else (self._held[:wanted], self._held[wanted:])
        return found

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer and return how many bytes were read; 0 at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
