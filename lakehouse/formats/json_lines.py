"""JSON lines as strings: one object a line; keys may come late or be left out, what is nested stays JSON text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakehouse.config.column_mapping import landed_name
from lakehouse.errors import UnreadableFileError
from lakehouse.formats.delivered_file import WatchedStream, compression_of, require
from lakehouse.formats.values import parse_json, rows_of

_BATCH_ROWS = 20_000
_BATCH_BYTES = 32 << 20
_LINE_BYTES = 16 << 20


def read_json_lines(
    path: Path, name: str, expected: Sequence[str], required: Sequence[str], compression: str | None
) -> Iterator[pa.RecordBatch]:
    """Batches of string columns; the landed names in `expected` are there in any case, null where a line lacks the key.

    UnreadableFileError names the first line that is not a JSON object (a truncated last line is one), or the columns in
    `required` that no line has.
    """
    records: list[dict[str, Any]] = []
    size = 0
    number = 0
    keys: set[str] = set()
    try:
        with BufferedReader(WatchedStream(path, compression_of(name, compression)), 1 << 20) as lines:
            while line := lines.readline(_LINE_BYTES):
                number += 1
                if not line.strip():
                    continue
                records.append(_object(line, name, number))
                keys.update(records[-1])
                size += len(line)
                if len(records) >= _BATCH_ROWS or size >= _BATCH_BYTES:
                    yield _batch(records, expected, name)
                    records, size = [], 0
    except OSError as error:
        raise UnreadableFileError(name, f"it cannot be read to its end: {error}") from error
    if number == 0:
        raise UnreadableFileError(name, "the file is empty")
    require(required, [landed_name(key, 0) for key in keys], name)
    if records:
        yield _batch(records, expected, name)


def _object(line: bytes, name: str, number: int) -> dict[str, Any]:
    try:
        found = parse_json(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        raise UnreadableFileError(name, f"wrong encoding: line {number} is not utf-8") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError(
            name, f"line {number} is not JSON (truncated, or longer than {_LINE_BYTES >> 20} MB)"
        ) from error
    if not isinstance(found, dict):
        raise UnreadableFileError(name, f"line {number} is JSON, but not an object")
    return found


def _batch(records: list[dict[str, Any]], expected: Sequence[str], name: str) -> pa.RecordBatch:
    try:
        return rows_of(records, expected)
    except ValueError as error:
        raise UnreadableFileError(name, str(error)) from error
