"""The first rows of what a files feed would read next, without landing anything."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lakehouse.config.feeds import Feed
from lakehouse.config.source_models import FilesDataset
from lakehouse.errors import SourceUnavailableError, UnreadableFileError
from lakehouse.formats.file_facts import FileFacts
from lakehouse.sources.file_discovery import discover, fetch
from lakehouse.sources.file_rows import read_rows
from lakehouse.utils.foreign_errors import kind_of

COUNT_ROWS = 10


@dataclass(frozen=True)
class FirstRows:
    """`rows`: up to ten rows of text, as they would land, of the newest of `count_files` files, called `name`."""

    count_files: int
    name: str
    rows: pa.RecordBatch


def first_rows(feed: Feed) -> FirstRows:
    """The first rows of the newest file.

    Only the beginning of a local file is read; one in an object store is copied for it.

    Raises SourceUnavailableError when the location or every file is missing, UnreadableFileError when the newest file
    is not as declared.
    """
    assert isinstance(feed.declaration, FilesDataset)
    found = discover(feed)
    if not found:
        patterns = ", ".join(feed.declaration.files)
        raise SourceUnavailableError(
            feed.source, f"no file matches {patterns}", "Have one delivered, or correct `files` in sources.yml."
        )
    newest = found[-1]
    if newest.refused:
        raise UnreadableFileError(newest.name, newest.refused)
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = Path(newest.address) if newest.filesystem is None else fetch(newest, Path(folder)).path
            return FirstRows(len(found), newest.name, _read(feed, newest.name, path))
        except OSError as error:
            raise UnreadableFileError(newest.name, f"it cannot be read: {kind_of(error)}") from None


def _read(feed: Feed, name: str, path: Path) -> pa.RecordBatch:
    """The first rows that there are, maybe none."""
    batches = read_rows(feed, name, path, FileFacts())
    first = next((rows for rows in batches if rows.num_rows), None)
    return first.slice(0, COUNT_ROWS) if first is not None else pa.RecordBatch.from_pydict({})
