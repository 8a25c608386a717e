"""Parquet as strings: typed values written as text that the silver job can cast back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as pq

from lakehouse.errors import UnreadableFileError
from lakehouse.formats.delivered_file import landed_names, require
from lakehouse.formats.values import text_of

_BATCH_ROWS = 65_536


def read_parquet(path: Path, name: str, expected: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Batches of string columns, those in `expected` among them; times in ISO 8601 (UTC with Z when the file says so).

    UnreadableFileError when it is damaged or lacks a column.
    """
    try:
        with pq.ParquetFile(path) as delivered:
            names = landed_names(delivered.schema_arrow.names)
            require(expected, names, name)
            for rows in delivered.iter_batches(batch_size=_BATCH_ROWS):
                yield pa.RecordBatch.from_arrays([as_text(column) for column in rows.columns], names=names)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(name, "it is not a whole Parquet file") from error
    except ValueError as error:
        raise UnreadableFileError(name, str(error)) from error


def as_text(column: pa.Array) -> pa.Array:
    """Any Arrow column as strings."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return _timestamp_text(column)
    if (
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    ):
        return pa.array([text_of(value) for value in column.to_pylist()], pa.string())
    return column.cast(pa.string())


def _timestamp_text(column: pa.Array) -> pa.Array:
    zoned = column.type.tz is not None
    text = column.cast(pa.timestamp(column.type.unit, "UTC" if zoned else None)).cast(pa.string())
    return compute.replace_substring(text, " ", "T")
