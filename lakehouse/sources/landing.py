"""Landing: delivered rows as Parquet, every delivered column a string, whole or absent.

A landed file is `<landing>/<source>/<dataset>/<sha12>.parquet` with the delivered columns, `_source_file` ("name@sha12") and
`_row_number` (from 1). Rows are staged under a temporary name and become visible by one rename.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PART = ".part"  # suffix of what is not published yet; left behind only by a killed process
_SHA_SHOWN = 12  # hexadecimal digits of a SHA-256 in file names and lineage
_LABEL = b"source_file"
_LINEAGE = ("_source_file", "_row_number")


def source_file(name: str, sha256: str) -> str:
    """Lineage of delivered content: `"contacts.jsonl@1f2e3d4c5b6a"`."""
    return f"{name}@{sha256[:_SHA_SHOWN]}"


def landed_path(folder: Path, sha256: str) -> Path:
    """Where the content with that SHA-256 is landed."""
    return folder / f"{sha256[:_SHA_SHOWN]}.parquet"


@dataclass(frozen=True)
class Landed:
    """What is in a landed file: its `_source_file`, the number of rows, the delivered columns."""

    source_file: str
    rows: int
    columns: tuple[str, ...]


def read_landed(path: Path) -> Landed | None:
    """Facts of a landed file from its footer; None when there is none."""
    if not path.exists():
        return None
    with pq.ParquetFile(path) as landed:
        schema = landed.schema_arrow
        label = (schema.metadata or {}).get(_LABEL, b"").decode()
        return Landed(label, landed.metadata.num_rows, tuple(name for name in schema.names if name not in _LINEAGE))


def without_lineage(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Landed rows as they were delivered: without `_source_file` and `_row_number`."""
    return rows.select([name for name in rows.schema.names if name not in _LINEAGE])


class StagedRows:
    """Rows on their way into landing: written in parts, published whole by `land`, gone when the block is left without it.

    `folder` exists (opening the feed's journal makes it). `label` is the `_source_file` of the rows when it is known before the
    first row; then one part is all that is written.
    """

    def __init__(self, folder: Path, name: str, label: str | None = None) -> None:
        self.rows = 0
        self.columns: dict[str, None] = {}
        self._folder, self._name, self._label = folder, name, label
        self._parts: list[Path] = []
        self._delivered: list[str] = []
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> StagedRows:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._finish_part()
        for part in self._parts:
            part.unlink(missing_ok=True)

    def write(self, rows: pa.RecordBatch) -> None:
        """Append rows whose columns are all strings; columns may differ from batch to batch, an absent one is null."""
        if self._writer is None or self._delivered != rows.schema.names:
            self._finish_part()
            self._delivered = rows.schema.names
            self.columns |= dict.fromkeys(self._delivered)
            self._writer = self._new_part(self._delivered, self._label or "")
        numbers = np.arange(self.rows + 1, self.rows + 1 + rows.num_rows, dtype=np.int64)
        self._writer.write_batch(_with_lineage(rows, self._delivered, self._label or "", pa.array(numbers)))
        self.rows += rows.num_rows

    def land(self, target: Path, label: str) -> None:
        """Publish the staged rows as `target` with `label` as their `_source_file`; no rows, no file."""
        self._finish_part()
        if not self.rows:
            return
        if label != self._label or len(self._parts) > 1:
            self._merge_parts(label)
        os.replace(self._parts.pop(), target)

    def _merge_parts(self, label: str) -> None:
        parts, names = list(self._parts), list(self.columns)
        with self._new_part(names, label) as writer:
            for part in parts:
                with pq.ParquetFile(part) as staged:
                    for rows in staged.iter_batches(batch_size=65_536):
                        writer.write_batch(_with_lineage(rows, names, label, rows.column("_row_number")))

    def _new_part(self, names: list[str], label: str) -> pq.ParquetWriter:
        self._parts.append(self._folder / f"{self._name}.{len(self._parts)}{PART}")
        fields = [pa.field(name, pa.string()) for name in (*names, "_source_file")] + [pa.field("_row_number", pa.int64())]
        schema = pa.schema(fields, metadata={_LABEL: label.encode()})
        # Landing is read once: dictionaries and statistics cost half of the writing time and save nothing.
        return pq.ParquetWriter(self._parts[-1], schema, compression="snappy", use_dictionary=["_source_file"], write_statistics=False)

    def _finish_part(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _with_lineage(rows: pa.RecordBatch, names: list[str], label: str, numbers: pa.Array) -> pa.RecordBatch:
    absent = pa.nulls(rows.num_rows, pa.string())
    delivered = [rows.column(name) if name in rows.schema.names else absent for name in names]
    return pa.RecordBatch.from_arrays([*delivered, pa.repeat(label, rows.num_rows), numbers], names=[*names, *_LINEAGE])
