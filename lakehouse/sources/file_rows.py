"""The rows of a delivered file, as its feed declares its files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from lakehouse.config.feeds import Feed
from lakehouse.config.source_models import FilesDataset
from lakehouse.formats.csv import read_csv
from lakehouse.formats.file_facts import FileFacts
from lakehouse.formats.json_lines import read_json_lines
from lakehouse.formats.parquet import read_parquet


def read_rows(feed: Feed, name: str, path: Path, facts: FileFacts) -> Iterator[pa.RecordBatch]:
    """The rows of a local file; `name` is for errors. UnreadableFileError when it is not as declared, or beyond the
    limits of the feed."""
    declared = feed.declaration
    assert isinstance(declared, FilesDataset)
    mapped, packed, limits = feed.mapped_columns, declared.compression, declared.limits
    if declared.format == "csv":
        return read_csv(path, name, declared.csv, mapped, packed, facts, limits)
    if declared.format == "jsonl":
        return read_json_lines(path, name, mapped, feed.required_columns, packed, facts, limits)
    return read_parquet(path, name, mapped, limits)
