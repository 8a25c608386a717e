"""What commands print: plain tables for people, JSON for programs. With JSON, nothing else goes to standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from lakehouse.messages import as_json_escapes, printable
from lakehouse.utils.canonical_json import json_text, plain_text

_WIDEST = 60  # characters of a cell on a terminal; in a pipe or a file, values are not truncated

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def say(text: str, err: bool = False, nl: bool = True) -> None:
    """Print a text; control characters in it, which may come from a delivery, become visible escapes."""
    click.echo(printable(text, kept="\n\t"), err=err, nl=nl)


def print_json(value: Any) -> None:
    """Print the value as canonical JSON, on one line."""
    say(as_json_escapes(json_text(value)))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print aligned columns, numbers to the right; on a terminal, long values are truncated."""
    widest = _WIDEST if sys.stdout.isatty() else None
    columns = [_cell(name, None) for name in columns]
    cells = [[_cell(value, widest) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(columns)]
    is_number = [
        all(
            (isinstance(row[at], int | float) and not isinstance(row[at], bool))
            or row[at] is None
            or _is_decimal(row[at])
            for row in rows
        )
        for at in range(len(columns))
    ]
    say(
        "  ".join(
            name.rjust(width) if right else name.ljust(width)
            for name, width, right in zip(columns, widths, is_number, strict=True)
        ).rstrip()
    )
    say("  ".join("-" * width for width in widths))
    for row in cells:
        say(
            "  ".join(
                text.rjust(width) if right else text.ljust(width)
                for text, width, right in zip(row, widths, is_number, strict=True)
            ).rstrip()
        )


def age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago: 42 s, 5 min, 3 h, 12 d."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds // 86_400:.0f} d"


def _cell(value: Any, widest: int | None) -> str:
    if value is None:
        return ""
    text = printable(" ".join(plain_text(value).split()))
    return text if widest is None or len(text) <= widest else text[: widest - 1] + "…"


def _is_decimal(value: Any) -> bool:
    return type(value).__name__ == "Decimal"
