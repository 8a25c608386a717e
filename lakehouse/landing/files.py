"""Landing: delivered rows as Parquet, every delivered column a string, whole or absent.

A landed file is `<landing>/<source>/<dataset>/<sha12>.parquet` with the delivered columns, `_source_file`
("name@sha12") and `_row_number` (from 1). Rows are staged under a temporary name and become visible by one rename.
Small deliveries with the same columns share a landed file, a bundle `<sha12>.bundle.parquet`, because each file costs
its reader time. The footer of each landed file names the deliveries in it, with the number of rows of each.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.utils.atomic_files import replacing

PART = ".part"  # suffix of what is not published yet; left behind only by a killed process
_SHA_SHOWN = 12  # hexadecimal digits of a SHA-256 in file names and lineage
_DELIVERIES = "deliveries"  # key in the footer: {source_file: rows}
_LINEAGE = ("_source_file", "_row_number")
_HELD_BYTES = 16 << 20  # rows kept in memory, of one delivery and of one bundle, before they are written
_GROUP_ROWS = 131_072


def shown(sha256: str) -> str:
    """The digits of a SHA-256 that file names and lineage show."""
    return sha256[:_SHA_SHOWN]


def source_file(name: str, sha256: str) -> str:
    """Lineage of delivered content: `"contacts.jsonl@1f2e3d4c5b6a"`."""
    return f"{name}@{shown(sha256)}"


def digits_of(label: str) -> str:
    """The digits that end a `_source_file`."""
    return label.rpartition("@")[2]


# What is said of a complete snapshot without rows: an empty dump is far more often an accident than an empty shop.
NO_SNAPSHOT = "it has no rows, so it is not taken for a complete snapshot: nothing is deleted"


def landed_path(folder: Path, sha256: str) -> Path:
    """Where the content with that SHA-256 is landed when it has a file of its own."""
    return folder / f"{shown(sha256)}.parquet"


@dataclass(frozen=True)
class LandedFile:
    """What is in a landed file: the rows of each delivery by its `_source_file`, and the delivered columns."""

    path: Path
    rows: dict[str, int]
    columns: tuple[str, ...]


def landed_files(folder: Path, known: frozenset[str] | set[str] = frozenset()) -> Iterator[LandedFile]:
    """Landed files in the order of their names, from their footers; not those of one delivery whose digits are in
    `known`."""
    for path in sorted(folder.glob("*.parquet")):
        if path.stem not in known:  # the file of a single delivery is named after its digits
            with pq.ParquetFile(path) as landed:
                rows = json.loads(landed.metadata.metadata[_DELIVERIES.encode()])
                yield LandedFile(path, rows, tuple(name for name in landed.schema_arrow.names if name not in _LINEAGE))


def without_lineage(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Landed rows as they were delivered: without `_source_file` and `_row_number`."""
    return rows.select(list(_delivered(rows)))


class StagedRows:
    """Rows of one delivery on their way into landing: published whole by `land` or `bundle`, removed when the block is
    left without either.

    Few rows wait in memory; many are written in parts. `folder` exists (opening the feed's ledger makes it). `label`
    is the `_source_file` of the rows when it is known before the first row; then one part is all that is written.
    """

    def __init__(self, folder: Path, name: str, label: str | None = None) -> None:
        self.rows = 0
        self.columns: dict[str, None] = {}
        self._spellings: dict[str, str] = {}
        self._folder, self._name, self._label = folder, name, label
        self._held: list[pa.RecordBatch] = []
        self._held_bytes = 0
        self._parts: list[Path] = []
        self._columns_of_part: tuple[str, ...] = ()
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> StagedRows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish_part()
        for part in self._parts:
            part.unlink(missing_ok=True)

    def write(self, rows: pa.RecordBatch) -> None:
        """Append rows whose columns are all strings; columns may differ from batch to batch, an absent one is null.

        Names that differ only in case are one column, spelled as it came first.
        """
        rows = rows.rename_columns([self._spellings.setdefault(name.lower(), name) for name in rows.schema.names])
        self.columns |= dict.fromkeys(rows.schema.names)
        numbered = rows.append_column(
            "_row_number", pa.array(np.arange(self.rows + 1, self.rows + 1 + rows.num_rows, dtype=np.int64))
        )
        self.rows += rows.num_rows
        self._held.append(numbered)
        self._held_bytes += rows.nbytes
        if self._held_bytes > _HELD_BYTES:
            self._spill()

    def bundle(self, bundle: Bundle, label: str) -> bool:
        """Hand the rows over to a bundle; False when they are too many to share a file: then `land` them."""
        if self._parts:
            return False
        if self.rows:
            columns = tuple(self.columns)
            bundle.add(label, columns, [_with_lineage(rows, columns, label) for rows in self._held])
        return True

    def land(self, target: Path, label: str) -> None:
        """Publish the staged rows as `target` with `label` as their `_source_file`; no rows, no file."""
        if not self.rows:
            return
        self._spill()
        self._finish_part()
        if label != self._label or len(self._parts) > 1:
            self._merge_parts(label)
        os.replace(self._parts.pop(), target)

    def _spill(self) -> None:
        for rows in self._held:
            delivered = _delivered(rows)
            if self._writer is None or self._columns_of_part != delivered:
                self._finish_part()
                self._columns_of_part = delivered
                self._writer = self._new_part(delivered)
            self._writer.write_batch(_with_lineage(rows, delivered, self._label or ""))
        self._held, self._held_bytes = [], 0

    def _merge_parts(self, label: str) -> None:
        parts, columns = list(self._parts), tuple(self.columns)
        with self._new_part(columns) as writer:
            for part in parts:
                with pq.ParquetFile(part) as staged:
                    for rows in staged.iter_batches(batch_size=65_536):
                        writer.write_batch(_with_lineage(rows, columns, label))
            _note_deliveries(writer, {label: self.rows})

    def _new_part(self, columns: tuple[str, ...]) -> pq.ParquetWriter:
        self._parts.append(self._folder / f"{self._name}.{len(self._parts)}{PART}")
        return _open(self._parts[-1], columns)

    def _finish_part(self) -> None:
        if self._writer is not None:
            _note_deliveries(self._writer, {self._label or "": self.rows})
            self._writer.close()
            self._writer = None


class Bundle:
    """Small deliveries that become one landed file, or several when their columns differ or their rows are many."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._columns: tuple[str, ...] = ()
        self._rows: dict[str, int] = {}
        self._batches: list[pa.RecordBatch] = []

    def add(self, label: str, columns: tuple[str, ...], batches: list[pa.RecordBatch]) -> None:
        """Take the rows, with lineage, of the delivery with that `_source_file`."""
        if columns != self._columns or sum(rows.nbytes for rows in (*self._batches, *batches)) > _HELD_BYTES:
            self.land()
        self._columns = columns
        self._rows[label] = sum(rows.num_rows for rows in batches)
        self._batches += batches

    def land(self) -> None:
        """Publish the rows taken so far by one rename."""
        if not self._rows:
            return
        target = self._target()
        with (
            replacing(target, temporary=target.with_suffix(PART)) as part,
            _open(part, self._columns) as writer,
        ):
            writer.write_table(pa.Table.from_batches(self._batches), row_group_size=_GROUP_ROWS)
            _note_deliveries(writer, self._rows)
        self._rows, self._batches = {}, []

    def _target(self) -> Path:
        if len(self._rows) == 1:
            return landed_path(self.folder, digits_of(*self._rows))
        together = hashlib.sha256("\x1e".join(self._rows).encode()).hexdigest()
        return self.folder / f"{shown(together)}.bundle.parquet"


def _open(path: Path, columns: tuple[str, ...]) -> pq.ParquetWriter:
    fields = [pa.field(name, pa.string()) for name in (*columns, "_source_file")] + [
        pa.field("_row_number", pa.int64())
    ]
    # Landing is read once: dictionaries and statistics cost half of the writing time and save nothing.
    return pq.ParquetWriter(
        path, pa.schema(fields), compression="snappy", use_dictionary=["_source_file"], write_statistics=False
    )


def _note_deliveries(writer: pq.ParquetWriter, rows: dict[str, int]) -> None:
    writer.add_key_value_metadata({_DELIVERIES: json.dumps(rows)})


def _delivered(rows: pa.RecordBatch) -> tuple[str, ...]:
    return tuple(name for name in rows.schema.names if name not in _LINEAGE)


def _with_lineage(rows: pa.RecordBatch, columns: tuple[str, ...], label: str) -> pa.RecordBatch:
    """The numbered rows with exactly these delivered columns, an absent one null, and with their `_source_file`."""
    absent = pa.nulls(rows.num_rows, pa.string())
    delivered = [rows.column(name) if name in rows.schema.names else absent for name in columns]
    return pa.RecordBatch.from_arrays(
        [*delivered, pa.repeat(label, rows.num_rows), rows.column("_row_number")], names=[*columns, *_LINEAGE]
    )
