"""CSV as strings: parsed once and block by block, so that both engines see the same rows in bounded memory.

A file is read whole or not at all. It is unreadable when it is empty, not in its encoding, lacks a column, has a row
with more or fewer fields than the header (also a truncated last line), or ends within quotes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from lakehouse.config.source_models import CsvOptions
from lakehouse.errors import UnreadableFileError
from lakehouse.formats.delivered_file import WatchedStream, compression_of, landed_names, require

_BLOCK_BYTES = 4 << 20  # also the longest record; at most a few blocks are in memory
_HEADER_CHARACTERS = 1 << 20


def read_csv(
    path: Path, name: str, options: CsvOptions, expected: Sequence[str], compression: str | None
) -> Iterator[pa.RecordBatch]:
    """Batches of string columns under their landed names, those in `expected` among them; an empty field is null.

    `compression` as declared, see `compression_of`. UnreadableFileError says why the file cannot be read, and where.
    """
    compression = compression_of(name, compression)
    delivered = list(options.columns) if options.columns is not None else _header(path, name, options, compression)
    try:
        landed = landed_names(delivered)
    except ValueError as error:
        raise UnreadableFileError(name, f"wrong header: {error}") from error
    require(expected, landed, name)
    ragged: list[pc.InvalidRow] = []
    last_value: str | None = None
    with WatchedStream(path, compression, options.quote) as stream:
        try:
            for rows in _open(stream, delivered, options, ragged):
                if rows.schema.names != delivered or any(not pa.types.is_string(field.type) for field in rows.schema):
                    raise UnreadableFileError(name, "wrong header: the first line cannot be read as names of columns")
                if rows.num_rows:
                    last_value = rows.column(rows.num_columns - 1)[-1].as_py()
                yield rows.rename_columns(landed)
        except (pa.ArrowInvalid, OSError, UnicodeError) as error:
            raise UnreadableFileError(name, _reason(error, ragged, options)) from error
        is_ended = stream.last in (b"\n", b"\r")
        if not is_ended and options.final_newline == "required":
            raise UnreadableFileError(name, "truncated: the last line has no end")
        # pyarrow takes an open quote at the end for a closed one. An odd number of quotes alone may be a stray 5"
        # somewhere.
        if stream.count_quotes % 2 and (not is_ended or (last_value or "").endswith(("\n", "\r"))):
            raise UnreadableFileError(name, "truncated: the file ends within quotes")


def _open(
    stream: WatchedStream, delivered: list[str], options: CsvOptions, ragged: list[pc.InvalidRow]
) -> Iterator[pa.RecordBatch]:
    def note(row: pc.InvalidRow) -> str:
        ragged.append(row)
        return "error"

    # One thread a file: two files are read at a time, and line numbers are only known when blocks are parsed in order.
    reading = pc.ReadOptions(
        use_threads=False,
        block_size=_BLOCK_BYTES,
        encoding=options.encoding,
        column_names=delivered if options.columns is not None else None,
    )
    is_quoted = options.quote is not None
    parsing = pc.ParseOptions(
        delimiter=options.delimiter,
        quote_char=options.quote or False,
        newlines_in_values=is_quoted,
        invalid_row_handler=note,
    )
    converting = pc.ConvertOptions(
        column_types=dict.fromkeys(delivered, pa.string()), null_values=[""], strings_can_be_null=True
    )
    yield from pc.open_csv(stream, read_options=reading, parse_options=parsing, convert_options=converting)


def _header(path: Path, name: str, options: CsvOptions, compression: str | None) -> list[str]:
    """Names in the first line that is not empty; reads no further than that."""
    try:
        with WatchedStream(path, compression) as stream:
            text = io.TextIOWrapper(io.BufferedReader(stream), options.encoding, errors="replace", newline="")
            lines = (line.removeprefix("\ufeff") for line in iter(lambda: text.readline(_HEADER_CHARACTERS), ""))
            rows = csv.reader(
                lines,
                delimiter=options.delimiter,
                quotechar=options.quote or '"',
                quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
            )
            header = next((row for row in rows if row), None)
    except OSError as error:
        raise UnreadableFileError(name, f"it cannot be read to its end: {error}") from error
    except (csv.Error, LookupError) as error:
        raise UnreadableFileError(name, f"wrong header: {error}") from error
    if header is None:
        raise UnreadableFileError(name, "the file is empty, it has not even a header")
    return header


def _reason(error: Exception, ragged: list[pc.InvalidRow], options: CsvOptions) -> str:
    """Why a file cannot be read, without any of its content (it may be personal)."""
    text = str(error)
    if ragged:
        row = ragged[0]
        found = f"line {row.number} has {row.actual_columns} fields instead of {row.expected_columns}"
        return f"{found} (truncated, or the delimiter is not {options.delimiter!r})"
    if "invalid UTF8" in text or isinstance(error, UnicodeError):
        return f"wrong encoding: it is not {options.encoding}"
    if "straddl" in text:
        return f"a record is longer than {_BLOCK_BYTES >> 20} MB: a quote is probably not closed"
    if isinstance(error, OSError):
        return f"it cannot be read to its end: {text}"
    return "it is not CSV as declared: " + text.split(":")[0]
