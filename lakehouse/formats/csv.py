"""CSV as strings: parsed once and block by block, so that both engines see the same rows in bounded memory.

A file is read whole or not at all. It is unreadable when it is empty, not in its encoding, lacks a column, has a row
with more or fewer fields than the header (also a truncated last line), text after a closing quote, or ends within
quotes.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv as pc

from lakehouse.config.source_limits import FileLimits
from lakehouse.config.source_models import CsvOptions
from lakehouse.errors import UnreadableFileError
from lakehouse.formats.byte_streams import ChunkReader, as_utf8, compression_of, unpacked, without_footer
from lakehouse.formats.csv_escapes import unescaped
from lakehouse.formats.csv_quotes import QuoteCheck
from lakehouse.formats.delivered_file import landed_names, require
from lakehouse.formats.file_budget import DEFAULTS, FileBudget
from lakehouse.formats.file_facts import FileFacts

_HEADER_CHARACTERS = 1 << 20
_LINE_END = re.compile(rb"\r\n|\r|\n")
_SEPARATOR_LINE = re.compile(rb"sep=([\x01-\x7f])\r?\n", re.IGNORECASE)  # Excel's


def read_csv(
    path: Path,
    name: str,
    options: CsvOptions,
    expected: Sequence[str],
    compression: str | None,
    facts: FileFacts,
    limits: FileLimits = DEFAULTS,
) -> Iterator[pa.RecordBatch]:
    """Batches of string columns under their landed names, those in `expected` among them; an empty field is null.

    `compression` as declared, see `compression_of`. UnreadableFileError says why the file cannot be read, and where.
    """
    ragged: list[pc.InvalidRow] = []
    skipped = 0
    budget = FileBudget(path, name, limits)
    try:
        content = budget.counted(unpacked(path, compression_of(name, compression)))
        chunks = _watched(as_utf8(content, options.encoding), facts)
        first = next(chunks, b"")
        options, skipped, first = _without_preamble(first, name, options)
        delivered = list(options.columns) if options.columns is not None else _header(first, name, options)
        budget.check_columns(len(delivered))
        landed = _landed(delivered, expected, name)
        chunks = without_footer(chain([first] if first else [], chunks), options.skip_footer, budget.record_bytes)
        if options.escape:
            chunks = unescaped(chunks, options.escape, options.null_values)
        if options.quote:
            check = QuoteCheck(name, options.quote, options.delimiter, options.escape, skipped + 1)
            chunks = _checked(chunks, check)
        count_rows = 0
        for rows in _open(ChunkReader(chunks), delivered, options, ragged, budget.record_bytes):
            if rows.schema.names != delivered or any(not pa.types.is_string(field.type) for field in rows.schema):
                raise UnreadableFileError(name, "wrong header: the first line cannot be read as names of columns")
            yield _without_headers(rows, delivered, name, count_rows, facts).rename_columns(landed)
            count_rows += rows.num_rows
    except (pa.ArrowInvalid, OSError, UnicodeError) as error:
        raise UnreadableFileError(name, _reason(error, ragged, options, skipped, budget)) from None


def _watched(chunks: Iterator[bytes], facts: FileFacts) -> Iterator[bytes]:
    for chunk in chunks:
        facts.ends_its_last_line = chunk.endswith((b"\n", b"\r"))
        yield chunk


def _without_preamble(first: bytes, name: str, options: CsvOptions) -> tuple[CsvOptions, int, bytes]:
    """Without the declared lines and Excel's `sep=;`, which says the delimiter; with the number of lines taken off."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableFileError(name, f"wrong encoding: it is utf-16 and not {options.encoding}")
    count = options.skip_rows
    if (found := _SEPARATOR_LINE.match(first)) is not None:
        options = options.model_copy(update={"delimiter": found[1].decode()})
        count = max(count, 1)
    start = 0
    for _ in range(count):
        end = _LINE_END.search(first, start)
        if end is None:
            raise UnreadableFileError(name, f"the file has no line after the {count} lines to skip (`skip_rows`)")
        start = end.end()
    return options, count, first[start:]


def _landed(delivered: list[str], expected: Sequence[str], name: str) -> list[str]:
    try:
        landed = landed_names(delivered, expected)
    except ValueError as error:
        raise UnreadableFileError(name, f"wrong header: {error}") from None
    require(expected, landed, name)
    return landed


def _checked(chunks: Iterator[bytes], check: QuoteCheck) -> Iterator[bytes]:
    for chunk in chunks:
        check.feed(chunk)
        yield chunk
    check.finish()


def _open(
    content: ChunkReader, delivered: list[str], options: CsvOptions, ragged: list[pc.InvalidRow], block_bytes: int
) -> Iterator[pa.RecordBatch]:
    def note(row: pc.InvalidRow) -> str:
        ragged.append(row)
        return "error"

    # One thread a file: two files are read at a time, and line numbers are only known when blocks are parsed in order.
    # A record fits into a block, and at most a few blocks are in memory.
    reading = pc.ReadOptions(
        use_threads=False,
        block_size=block_bytes,
        column_names=delivered if options.columns is not None else None,
    )
    parsing = pc.ParseOptions(
        delimiter=options.delimiter,
        quote_char=options.quote or False,
        escape_char=options.escape or False,
        newlines_in_values=options.quote is not None or options.escape is not None,
        invalid_row_handler=note,
    )
    converting = pc.ConvertOptions(
        column_types=dict.fromkeys(delivered, pa.string()),
        null_values=["", *options.null_values],
        strings_can_be_null=True,
    )
    yield from pc.open_csv(content, read_options=reading, parse_options=parsing, convert_options=converting)


def _header(first: bytes, name: str, options: CsvOptions) -> list[str]:
    """Names in the first line that is not empty."""
    text = first[: 4 * _HEADER_CHARACTERS].decode(errors="replace")[:_HEADER_CHARACTERS]
    rows = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=options.delimiter,
        quotechar=options.quote or '"',
        quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
        escapechar=options.escape,
    )
    try:
        header = next((row for row in rows if row), None)
    except csv.Error as error:
        raise UnreadableFileError(name, f"wrong header: {error}") from None
    if header is None:
        raise UnreadableFileError(name, "the file is empty, it has not even a header")
    return header


def _without_headers(
    rows: pa.RecordBatch, delivered: list[str], name: str, count_before: int, facts: FileFacts
) -> pa.RecordBatch:
    """Rows without those that repeat the header, as files have that were put together from several.

    UnreadableFileError for a header whose columns are in another order: what follows would be read as other columns.
    """
    first = {name: name for name in delivered} | {f"\ufeff{name}": name for name in delivered}  # each file had a mark
    likely = compute.is_in(rows.column(0), pa.array(first, pa.string()))
    if not compute.any(likely).as_py():
        return rows
    repeated = []
    for index in compute.indices_nonzero(likely).to_pylist():
        values = [column[index].as_py() or "" for column in rows.columns]
        values[0] = first[values[0]]
        if values == delivered:
            repeated.append(index)
        elif sorted(values) == sorted(delivered):
            raise UnreadableFileError(
                name, f"row {count_before + index + 1} is a header with the columns in another order"
            )
    if not repeated:
        return rows
    for index in repeated:
        facts.note("a row repeats the header and was left out", f"row {count_before + index + 1}")
    kept = compute.invert(compute.is_in(pa.array(range(rows.num_rows)), pa.array(repeated)))
    return rows.filter(kept)


def _reason(
    error: Exception, ragged: list[pc.InvalidRow], options: CsvOptions, skipped: int, budget: FileBudget
) -> str:
    """Why a file cannot be read, without any of its content (it may be personal)."""
    text = str(error)
    if ragged:
        row = ragged[0]
        number = row.number + skipped if row.number is not None else "?"
        found = f"line {number} has {row.actual_columns} fields instead of {row.expected_columns}"
        other = "a line that is no row (`skip_rows`, `skip_footer`)"
        return f"{found} (truncated, {other}, or the delimiter is not {options.delimiter!r})"
    if "invalid UTF8" in text or isinstance(error, UnicodeError):
        return f"wrong encoding: it is not {options.encoding}"
    if "straddl" in text:
        return f"a record {budget.record_too_long}: a quote is probably not closed"
    if isinstance(error, OSError):
        return f"it cannot be read to its end: {text}"
    return "it is not CSV as declared: " + text.split(":")[0]
