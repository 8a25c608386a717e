"""Values and names as SQL text, for the two dialects in use.

The engines (Spark and Sail) read a backslash in a literal as an escape. DuckDB and delta-rs follow the SQL standard,
where only the quote itself is doubled.
"""

from __future__ import annotations

from datetime import UTC, datetime


def literal(value: str | None) -> str:
    r"""A text as a literal of the engines, `null` for None: `it's` becomes `'it\'s'`."""
    return "null" if value is None else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def standard_literal(value: str) -> str:
    """A text as a literal of standard SQL (DuckDB, delta-rs predicates): `it's` becomes `'it''s'`."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """The name of a column as the engines quote it: `net amount` in backticks."""
    return "`" + name.replace("`", "``") + "`"


def double(value: float | None) -> str:
    """A number as a double of the engines; None as a null of that type."""
    return "cast(null as double)" if value is None else f"cast({value!r} as double)"


def timestamp(value: datetime) -> str:
    """A moment as a timestamp literal of the engines, whose sessions are in UTC."""
    return f"timestamp'{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
