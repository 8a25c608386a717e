"""`lakehouse sql`: one read-only query, answered in about a second without any server."""

from __future__ import annotations

import itertools
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from lakehouse.cli.output import print_table, say
from lakehouse.utils.atomic_files import replacing
from lakehouse.utils.canonical_json import plain_text

if TYPE_CHECKING:
    from lakehouse.storage.sql import Result

_SHOWN = 1000  # rows printed by --format table; the other formats have no limit
_SPOOLED = 64_000_000  # bytes of a result held in memory before it goes to a temporary file

_FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are the wide forms of the first four
_QUOTED = re.compile(r'[,"\r\n]')
_PLAN = ("explain_key", "explain_value")  # columns of EXPLAIN, whose value is a drawing

_EPILOG = """\b
Examples:
  lakehouse sql "select customer_id, total_spend from gold.dim_customers order by total_spend desc limit 10"
  lakehouse sql "show tables"
  lakehouse sql "describe gold.dim_customers"
  lakehouse sql --format json "select status, count(*) as n from ops.runs group by status" | jq .
  lakehouse sql --safe-csv --output for_a_spreadsheet.csv "select * from gold.segment_members"
  lakehouse sql --format parquet --output customers.parquet "select * from gold.dim_customers"
"""


@click.command(epilog=_EPILOG)
@click.argument("query")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["table", "json", "csv", "parquet"]),
    default="table",
    show_default=True,
    help="Format of the rows; json is one array of row objects.",
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file instead of standard output."
)
@click.option(
    "--safe-csv",
    is_flag=True,
    help="CSV for spreadsheets: a text that one would run as a formula (=, +, -, @ ...) gets a ' before it.",
)
def sql(query: str, layout: str, output: Path | None, safe_csv: bool) -> None:
    """Run one SELECT over tables of the lake and print the rows.

    Tables are named bronze|silver|gold|ops.<table>, and read at their newest version, also while a run is writing. The
    SQL dialect is DuckDB's. With - as QUERY, the query is read from standard input.
    """
    if safe_csv:
        if layout not in ("csv", "table"):
            raise click.UsageError(f"--safe-csv is for --format csv, not for {layout}.")
        layout = "safe_csv"
    if layout == "parquet" and output is None and sys.stdout.isatty():
        raise click.UsageError("parquet is binary: give a file with --output, or redirect standard output.")
    from lakehouse.config.settings import settings
    from lakehouse.storage.sql import run_query

    chosen = settings()
    text = click.get_text_stream("stdin").read() if query == "-" else query
    asked = run_query(text, chosen.lake, chosen.home / "tmp" / "query", chosen.query_timeout_seconds)
    if layout == "table" and output is None:
        with asked as result:
            _print(result)
        return
    with _target(output) as file, asked as result:
        _WRITERS[layout](result, file)


def _print(result: Result) -> None:
    if result.columns == _PLAN:
        say("".join(plan for _, plan in result.rows()), nl=False)
        return
    rows: list[tuple[Any, ...]] = []
    for row in result.rows():
        if len(rows) == _SHOWN:
            say(f"Only the first {_SHOWN} rows are shown; --format csv|json|parquet prints all.", err=True)
            break
        rows.append(row)
    print_table(result.columns, rows)


def _write_json(result: Result, file: IO[bytes]) -> None:
    from lakehouse.utils.canonical_json import json_text

    separator = b"["
    for row in result.rows():
        file.write(separator + json_text(dict(zip(result.columns, row, strict=True))).encode())
        separator = b",\n"
    file.write(b"[]\n" if separator == b"[" else b"]\n")


def _write_csv(result: Result, file: IO[bytes], text_of: Callable[[Any], str] = plain_text) -> None:
    """Null is an empty field; nested values are JSON."""
    for row in itertools.chain([result.columns], result.rows()):
        fields = [_field("" if value is None else text_of(value)) for value in row]
        file.write((",".join(fields) or '""').encode() + b"\n")


def _field(text: str) -> str:
    """A text as a field of CSV; quoted for a lone carriage return too, which readers take for the end of a row."""
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _write_safe_csv(result: Result, file: IO[bytes]) -> None:
    """CSV in which no text is a formula for a spreadsheet; numbers are as they are."""
    _write_csv(result, file, _no_formula)


def _no_formula(value: Any) -> str:
    text = plain_text(value)
    is_formula = isinstance(value, str) and text.lstrip(" ").startswith(_FORMULA_STARTS)
    return f"'{text}" if is_formula else text


def _write_parquet(result: Result, file: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    batches = result.arrow()
    with pq.ParquetWriter(file, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


_WRITERS: dict[str, Callable[[Result, IO[bytes]], None]] = {
    "json": _write_json,
    "csv": _write_csv,
    "safe_csv": _write_safe_csv,
    "parquet": _write_parquet,
    "table": _write_csv,
}


@contextmanager
def _target(output: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file; either gets the whole result, or nothing if the query fails half-way."""
    if output is None:
        with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as spool:
            yield spool
            spool.seek(0)
            if sys.stdout.isatty():
                say(spool.read().decode(), nl=False)
            else:
                shutil.copyfileobj(spool, click.get_binary_stream("stdout"))
        return
    with replacing(output) as temporary, _opened(temporary, output) as file:
        yield file


def _opened(temporary: Path, output: Path) -> IO[bytes]:
    try:
        return temporary.open("wb")
    except OSError as error:
        folder = output.absolute().parent
        reason = (
            f"the folder {folder} does not exist"
            if not folder.exists()
            else f"the folder {folder} is not writable ({error.strerror})"
        )
        raise click.UsageError(
            f"--output {output}: {reason}. Create it, or give a file in a folder that you can write to."
        ) from None
