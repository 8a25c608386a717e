"""Parquet as strings: typed values written as text that the silver job can cast back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as pq

from lakehouse.config.source_limits import FileLimits
from lakehouse.errors import UnreadableFileError
from lakehouse.formats.byte_streams import local_file
from lakehouse.formats.delivered_file import landed_names, require
from lakehouse.formats.file_budget import DEFAULTS, FileBudget
from lakehouse.formats.parquet_batches import check_footer, columns_of_long_texts, small_batches
from lakehouse.formats.values import plain_number, text_of

# The old timestamps of 96 bits are read as nanoseconds unless told otherwise, which end in the year 2262.
_OPTIONS = {"coerce_int96_timestamp_unit": "us"}


def read_parquet(
    path: Path, name: str, expected: Sequence[str], limits: FileLimits = DEFAULTS
) -> Iterator[pa.RecordBatch]:
    """Batches of string columns, those in `expected` among them; times in ISO 8601 (UTC with Z when the file says so),
    numbers without exponent, UUIDs as they are usually written.

    UnreadableFileError when it is damaged, lacks a column, or has one that cannot be written as text.
    """
    budget = FileBudget(path, name, limits)
    try:
        with local_file(path) as file:
            footer = pq.read_metadata(file)
            check_footer(footer, budget)
            long_texts = columns_of_long_texts(file, footer)
            delivered = pq.ParquetFile(file, metadata=footer, read_dictionary=long_texts, **_OPTIONS)
            names = landed_names(delivered.schema_arrow.names, expected)
            require(expected, names, name)
            for rows in small_batches(delivered, budget):
                texts = [_column_text(column, names[index], name) for index, column in enumerate(rows.columns)]
                yield pa.RecordBatch.from_arrays(texts, names=names)
    except (pa.ArrowException, OSError):
        raise UnreadableFileError(name, "it is not a whole Parquet file") from None
    except ValueError as error:
        raise UnreadableFileError(name, str(error)) from None


def _column_text(column: pa.Array, column_name: str, name: str) -> pa.Array:
    try:
        return as_text(column)
    except (pa.ArrowException, ValueError, OverflowError, TypeError):
        raise UnreadableFileError(
            name, f"column {column_name} of type {column.type} has values that cannot be written as text"
        ) from None


def as_text(column: pa.Array) -> pa.Array:
    """Any Arrow column as strings."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _uuid_text(column) if isinstance(kind, pa.UuidType) else as_text(column.storage)
    if pa.types.is_dictionary(kind):
        return as_text(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return _timestamp_text(column)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _number_text(column)
    if _is_plain(kind):
        return column.cast(pa.string())
    return pa.array([text_of(value) for value in column.to_pylist()], pa.string())


def _is_plain(kind: pa.DataType) -> bool:
    """Whether Arrow writes such values as people do."""
    if pa.types.is_duration(kind) or pa.types.is_interval(kind):
        return False
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return is_text or pa.types.is_primitive(kind)


def _timestamp_text(column: pa.Array) -> pa.Array:
    zoned = column.type.tz is not None
    text = column.cast(pa.timestamp(column.type.unit, "UTC" if zoned else None)).cast(pa.string())
    return compute.replace_substring(text, " ", "T")


def _number_text(column: pa.Array) -> pa.Array:
    text = column.cast(pa.string())
    if not compute.any(compute.match_substring_regex(text, "[eE][+-]?[0-9]")).as_py():
        return text
    return pa.array([value and plain_number(value) for value in text.to_pylist()], pa.string())


def _uuid_text(column: pa.Array) -> pa.Array:
    values = column.storage.to_pylist()
    return pa.array([None if value is None else str(uuid.UUID(bytes=value)) for value in values], pa.string())
