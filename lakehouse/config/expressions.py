"""What a SQL expression of sources.yml reads and yields, from its syntax: no engine is asked.

sqlglot takes 0.3 s to import, so an expression is parsed only when its columns are needed, or when a declaration is
checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

# Functions that sqlglot does not know as what they are.
_OF_MANY_ROWS = {
    *("any", "every", "first_value", "histogram_numeric", "hll_sketch_agg", "hll_union_agg", "last_value"),
    *("monotonically_increasing_id", "some", "std", "try_avg", "try_sum"),
}
_INSTANTS = {"timestamp_seconds", "timestamp_millis", "timestamp_micros", "now", "current_timestamp"}
_WITH_PATTERN = {"try_to_timestamp", "to_timestamp_ltz"}
_ZONE_IN_PATTERN = re.compile("[zZXxVO]")
_HAS_ZONE = re.compile("[A-Za-z]$|:[0-9]{2}.*[+-][0-9]")

_IS_CHECKED: ContextVar[bool] = ContextVar("is_checked", default=False)


@contextmanager
def expressions_checked() -> Iterator[None]:
    """Within it an expression that is not valid makes the declaration invalid; outside it, that shows when it is
    used."""
    token = _IS_CHECKED.set(True)
    try:
        yield
    finally:
        _IS_CHECKED.reset(token)


def are_checked() -> bool:
    """Whether this runs within `expressions_checked`."""
    return _IS_CHECKED.get()


def columns_of(expression: str) -> tuple[str, ...]:
    """Names of the columns that it reads; ValueError when it is not SQL."""
    from sqlglot import expressions as sql

    return tuple(dict.fromkeys(column.name for column in _parsed(expression).find_all(sql.Column)))


def check_rows(expression: str) -> None:
    """ValueError for an expression that looks at more than one row (aggregate, window, query) or makes several."""
    from sqlglot import expressions as sql

    kinds = {
        "a window function": (sql.Window, sql.RowNumber),
        "a query": (sql.Query, sql.Subquery),
        "an aggregate": (sql.AggFunc,),
        "a function that makes rows": (sql.UDTF, sql.Explode, sql.Posexplode, sql.Inline, sql.Stack),
        "several statements": (sql.Block,),
    }
    parsed = _parsed(expression)
    found = next((words for words, types in kinds.items() if parsed.find(*types) is not None), None)
    if found is None and any(_name(call) in _OF_MANY_ROWS for call in parsed.find_all(sql.Anonymous)):
        found = "a function of many rows"
    if found is not None:
        raise ValueError(
            f"the expression {expression!r} has {found}, and a mapping reads one row: other rows come in other"
            " deliveries; expected SQL over the columns of one row (also `_source_file` and `_row_number`)"
        )


def yields_instant(expression: str) -> bool:
    """Whether it yields moments (`timestamp_seconds(...)`, `to_utc_timestamp(...)`), not local times.

    ValueError when it yields one or the other, depending on the row.
    """
    readings = set(_readings(_parsed(expression)))
    if len(readings) > 1:
        raise ValueError(
            f"the expression {expression!r} yields now a moment and now a local time; expected a zone in all moments,"
            " e.g. concat(cast(timestamp_seconds(...) as string), 'Z')"
        )
    return readings == {True}


def with_zone_sql(moment: str) -> str:
    """SQL for the text of a moment with its zone, given SQL that yields it as a timestamp or a text in UTC."""
    text = f"cast({moment} as string)"
    return f"concat({text}, case when {text} rlike '^.{{10}}[ T][0-9:.]+$' then 'Z' else '' end)"


def _readings(node: Expr) -> Iterator[bool]:
    """Of each value that it can yield, whether that is a moment."""
    from sqlglot import expressions as sql

    if isinstance(node, sql.Paren):
        yield from _readings(node.this)
    elif isinstance(node, (sql.Coalesce, sql.Greatest, sql.Least)):
        for value in (node.this, *node.expressions):
            yield from _readings(value)
    elif isinstance(node, sql.Case):
        for value in (*node.args["ifs"], node.args.get("default")):
            yield from _readings(value) if value is not None else ()
    elif isinstance(node, sql.If):
        for value in (node.args["true"], node.args.get("false")):
            yield from _readings(value) if value is not None else ()
    elif isinstance(node, sql.Literal):
        yield _HAS_ZONE.search(node.name) is not None
    elif not isinstance(node, sql.Null):
        yield _is_instant(node)


def _is_instant(node: Expr) -> bool:
    """Whether a value is a moment: it comes from a number of seconds, or from a text with its zone."""
    from sqlglot import expressions as sql

    if isinstance(node, (sql.FromTimeZone, sql.CurrentTimestamp)):
        return True
    if node.find(sql.AtTimeZone, sql.ConvertTimezone, sql.StrToUnix) is not None:  # local times, or made of them
        return False
    if isinstance(node, sql.StrToTime):
        return _has_zone(node.args.get("format"))
    if _name(node) in _WITH_PATTERN:
        return _has_zone(node.expressions[1] if len(node.expressions) > 1 else None)
    if isinstance(node, (sql.UnixToStr, sql.UnixToTime)) or _name(node) in _INSTANTS:
        return True
    if isinstance(node, sql.Cast) and node.to.this in sql.DataType.TEMPORAL_TYPES:
        value = node.this.unnest()
        if isinstance(value, sql.Binary) or (
            isinstance(value, sql.Cast) and value.to.this in sql.DataType.NUMERIC_TYPES
        ):
            return True
    return any(_is_instant(child) for child in node.iter_expressions())


def _has_zone(pattern: Expr | None) -> bool:
    return pattern is not None and _ZONE_IN_PATTERN.search(pattern.name) is not None


def _name(node: Expr) -> str:
    """Name of a function that sqlglot does not know; empty for all other nodes."""
    from sqlglot import expressions as sql

    return str(node.this).lower() if isinstance(node, sql.Anonymous) else ""


@lru_cache(maxsize=256)
def _parsed(expression: str) -> Expr:
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        return sqlglot.parse_one(expression, dialect="spark")
    except SqlglotError as error:
        raise ValueError(
            f"the expression {expression!r} is not SQL: {str(error).splitlines()[0]};"
            " expected SQL over the delivered columns, which are all texts"
        ) from error
