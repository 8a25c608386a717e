"""JSON as strings: one object a line, or one array of objects; keys may come late or be left out, what is nested stays
JSON text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from lakehouse.config.column_mapping import landed_name
from lakehouse.config.source_limits import FileLimits
from lakehouse.errors import UnreadableFileError
from lakehouse.formats.byte_streams import as_utf8, compression_of, unpacked
from lakehouse.formats.delivered_file import require
from lakehouse.formats.file_budget import DEFAULTS, FileBudget
from lakehouse.formats.file_facts import FileFacts
from lakehouse.formats.json_records import Record, json_records
from lakehouse.formats.values import rows_of

_BATCH_ROWS = 20_000
_BATCH_CELLS = 400_000
_BATCH_PLACES = 4_000_000  # cells and empty ones: a few keys a record can be of many columns
_BATCH_BYTES = 16 << 20


def read_json_lines(
    path: Path,
    name: str,
    expected: Sequence[str],
    required: Sequence[str],
    compression: str | None,
    facts: FileFacts,
    limits: FileLimits = DEFAULTS,
) -> Iterator[pa.RecordBatch]:
    """Batches of string columns; the landed names in `expected` are there in any case, null where a record lacks the
    key. Keys that differ only in upper and lower case are one column.

    UnreadableFileError names the first record that is not a JSON object (a truncated last line is one), or the columns
    in `required` that no record has.
    """
    budget = FileBudget(path, name, limits)
    spelling = _Spelling(expected, budget)
    records: list[Record] = []
    count_cells = count_bytes = 0
    try:
        chunks = as_utf8(budget.counted(unpacked(path, compression_of(name, compression))), "utf-8")
        for place, length, record in json_records(chunks, name, facts, budget):
            records.append(spelling.of(record, place, name))
            count_cells += len(record)
            count_bytes += length
            if (
                len(records) >= _BATCH_ROWS
                or count_cells >= _BATCH_CELLS
                or count_bytes >= _BATCH_BYTES
                or len(records) * len(spelling.landed) >= _BATCH_PLACES
            ):
                yield rows_of(records, expected)
                records, count_cells, count_bytes = [], 0, 0
        require(required, tuple(spelling.landed.values()), name)
        if records:
            yield rows_of(records, expected)
    except OSError as error:
        raise UnreadableFileError(name, f"it cannot be read to its end: {error}") from None
    except RecursionError:
        raise UnreadableFileError(name, "a record has more levels of [ and { than can be read") from None


class _Spelling:
    """The landed names of the keys of a file: of spellings that differ only in case the one that is expected, or came
    first."""

    def __init__(self, expected: Sequence[str], budget: FileBudget) -> None:
        self._budget = budget
        self.landed: dict[str, str] = {}  # key -> landed name
        self._known = {name.lower(): name for name in reversed(expected)}

    def of(self, record: Record, place: str, name: str) -> Record:
        """The record under landed names; UnreadableFileError when two of its keys are the same column."""
        new = record.keys() - self.landed.keys()
        for key in record:
            if key in new:
                plain = landed_name(key, len(self.landed) + 1)
                self.landed[key] = self._known.setdefault(plain.lower(), plain)
        if new:
            self._budget.check_columns(len(self.landed))
        if all(self.landed[key] == key for key in record):
            return record
        named = {self.landed[key]: value for key, value in record.items()}
        if len(named) < len(record):
            twice = next(key for key in record if self.landed[key] != key)
            raise UnreadableFileError(
                name,
                f"{place}: two columns are called {twice!r}"
                " (names that differ only in upper and lower case are the same)",
            )
        return named
