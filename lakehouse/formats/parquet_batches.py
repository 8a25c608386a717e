"""Batches of a Parquet file that are small when they are decoded, whatever the file says of itself.

Parquet repeats values by reference: a page of a kilobyte can hold one text a million times. So long text that has a
dictionary is read as such and counted before it is written out, and text that is told by the one before it is read in
few rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as pq

from lakehouse.formats.file_budget import FileBudget

_BATCH_ROWS = 65_536
_FEWEST_ROWS = 16  # or reading would take too long
_HELD_BYTES = 64 << 20  # of text that is written out at once
_FROM_THE_ONE_BEFORE = "DELTA_BYTE_ARRAY"


def check_footer(footer: pq.FileMetaData, budget: FileBudget) -> None:
    """Refuse a file that says of itself that it is beyond its limits: columns, bytes, values (of which nulls cost
    nothing in the file)."""
    budget.check_columns(len(footer.schema.to_arrow_schema().names))
    chunks = list(_chunks(footer))
    budget.check(sum(max(chunk.total_uncompressed_size, chunk.num_values) for chunk in chunks))


def columns_of_long_texts(file: pa.NativeFile, footer: pq.FileMetaData) -> list[str]:
    """Names of the columns whose dictionaries have texts so long that many rows must not be written out unseen.

    Only dictionaries are read, of every group of rows; those of columns within lists and structures are not looked at.
    """
    named = sorted({chunk.path_in_schema for chunk in _chunks(footer) if _has_dictionary(chunk)})
    found: set[str] = set()
    with_dictionaries = pq.ParquetFile(file, metadata=footer, read_dictionary=named)
    for group in range(footer.num_row_groups) if named else ():
        first = next(with_dictionaries.iter_batches(1, [group], named), None)
        for name, column in zip(first.schema.names, first.columns, strict=True) if first is not None else ():
            if pa.types.is_dictionary(column.type):
                longest = compute.max(compute.binary_length(column.dictionary)).as_py() or 0
                found.update([name] if longest * _BATCH_ROWS > _HELD_BYTES else [])
    return sorted(found)


def _has_dictionary(chunk: pq.ColumnChunkMetaData) -> bool:
    return chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page and "." not in chunk.path_in_schema


def small_batches(file: pq.ParquetFile, budget: FileBudget) -> Iterator[pa.RecordBatch]:
    """All rows, counted against the budget before their text is written out."""
    for rows in file.iter_batches(batch_size=_rows_at_once(file.metadata)):
        size = sum(_text_bytes(column) for column in rows.columns)
        budget.spend(size)
        parts = min(rows.num_rows, 1 + size // _HELD_BYTES)
        bounds = [rows.num_rows * number // parts for number in range(parts + 1)] if parts else []
        for start, end in pairwise(bounds):
            yield rows.slice(start, end - start)


def _chunks(footer: pq.FileMetaData) -> Iterator[pq.ColumnChunkMetaData]:
    for group in range(footer.num_row_groups):
        rows = footer.row_group(group)
        for index in range(rows.num_columns):
            yield rows.column(index)


def _rows_at_once(footer: pq.FileMetaData) -> int:
    """Few where a text may be as long as its whole column, and the next ones refer to it."""
    told = [chunk.total_uncompressed_size for chunk in _chunks(footer) if _FROM_THE_ONE_BEFORE in chunk.encodings]
    longest = max(told, default=0)
    return max(_FEWEST_ROWS, min(_BATCH_ROWS, _HELD_BYTES // max(longest, 1)))


def _text_bytes(column: pa.Array) -> int:
    """About what a column takes as text: at least a byte for each value, also for those that are null."""
    if pa.types.is_dictionary(column.type):
        lengths = compute.binary_length(column.dictionary).cast(pa.int64())
        return len(column) + (compute.sum(lengths.take(column.indices)).as_py() or 0)
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        return len(column) + (compute.sum(compute.binary_length(column)).as_py() or 0)
    if pa.types.is_primitive(column.type):
        return len(column)
    return int(column.nbytes)
