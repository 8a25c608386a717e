"""What a SQL expression of a configuration file may say, reads and yields, from its syntax: no engine is asked.

sqlglot takes 0.3 s to import, so an expression is parsed only when its columns are needed, or when a declaration is
checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from lakehouse.config.mapping_functions import MAPPING_FUNCTIONS

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

_WORDS_BEFORE_PARENTHESES = {"and", "between", "case", "else", "for", "from", "in", "like", "not", "or", "then", "when"}
_INSTANTS = {"timestamp_seconds", "timestamp_millis", "timestamp_micros", "now", "current_timestamp"}
_WITH_PATTERN = {"try_to_timestamp", "to_timestamp_ltz"}
_ZONE_IN_PATTERN = re.compile("[zZXxVO]")
_HAS_ZONE = re.compile("[A-Za-z]$|:[0-9]{2}.*[+-][0-9]")


@dataclass(frozen=True)
class Place:
    """Where expressions stand, what they may call there, and how messages speak of it.

    Attributes:
        name: e.g. `a mapping`.
        functions: names of the functions that may be called.
        listed_in: the file that lists them.
        only_one: what an expression with other rows in it is told.
        reads: what is expected instead of what is not SQL.
    """

    name: str
    functions: frozenset[str]
    listed_in: str
    only_one: str
    reads: str


MAPPING = Place(
    "a mapping",
    MAPPING_FUNCTIONS,
    "lakehouse/config/mapping_functions.py",
    "a mapping reads one row: other rows come in other deliveries; expected SQL over the columns of one row (also"
    " `_source_file` and `_row_number`)",
    "SQL over the delivered columns, which are all texts",
)
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

    return tuple(dict.fromkeys(column.name for column in parsed(expression).find_all(sql.Column)))


@lru_cache(maxsize=256)
def check_expression(expression: str, place: Place = MAPPING) -> None:
    """ValueError for an expression that does more than compute one value from the columns of one row.

    The tree must consist of operators and functions over columns, and every call must be of a function of the place.
    Comments and `${...}` are refused too: an engine may understand them as something else than the parser does here.
    """
    from sqlglot import expressions as sql

    tree = parsed(expression, place)
    kinds = {
        "a window function": (sql.Window, sql.RowNumber),
        "a query": (sql.Query, sql.Subquery, sql.Table),
        "an aggregate": (sql.AggFunc,),
        "a function that makes rows": (sql.UDTF, sql.Explode, sql.Posexplode, sql.Inline, sql.Stack),
        "several statements": (sql.Block,),
    }
    if found := next((words for words, types in kinds.items() if tree.find(*types) is not None), None):
        raise ValueError(f"the expression {expression!r} has {found}, and {place.only_one}")
    values: tuple[type[Expr], ...] = (
        *(sql.Condition, sql.Identifier, sql.Tuple, sql.Lambda, sql.Slice, sql.Var, sql.Interval, sql.IntervalSpan),
        *(sql.DataType, sql.DataTypeParam, sql.ColumnDef, sql.AtTimeZone, sql.FromTimeZone),
        *(sql.JSONPath, sql.JSONPathPart),
    )
    from_outside = (sql.Parameter, sql.SessionParameter, sql.Placeholder, sql.CurrentUser, sql.SessionUser)
    if any(isinstance(node, from_outside) or not isinstance(node, values) for node in tree.walk()):
        raise ValueError(
            f"the expression {expression!r} is no value of one row; expected columns, constants, operators and"
            " functions"
        )
    if refused := _refused_text(expression, place):
        raise ValueError(f"the expression {expression!r} {refused}")


def _refused_text(expression: str, place: Place) -> str | None:
    """What an expression has that the tree does not show, or shows under another name; with what is expected."""
    from sqlglot.dialects.spark import Spark
    from sqlglot.tokenizer_core import TokenType

    if "${" in expression:
        return f"has `${{`, which an engine replaces by a setting of its own; expected {place.reads}"
    tokens, end = Spark().tokenize(expression), 0
    for token in tokens:
        if expression[end : token.start].strip():
            return "has a comment; expected it as a comment of YAML, after #"
        end = token.end + 1
    if expression[end:].strip():
        return "has a comment; expected it as a comment of YAML, after #"
    for before, word, after in zip([None, *tokens], tokens, tokens[1:], strict=False):
        written = expression[word.start : word.end + 1]
        if after.token_type is not TokenType.L_PAREN or not (written[-1].isalnum() or written[-1] in "_`\"'"):
            continue
        name = word.text.lower()
        is_known = name in place.functions and (before is None or before.token_type is not TokenType.DOT)
        if not is_known and written.lower() not in _WORDS_BEFORE_PARENTHESES:
            return (
                f"calls {written}, which is none of the functions of {place.name}; expected functions that compute a"
                f" value from values of one row (they are listed in {place.listed_in})"
            )
    return None


def yields_instant(expression: str) -> bool:
    """Whether it yields moments (`timestamp_seconds(...)`, `to_utc_timestamp(...)`), not local times.

    ValueError when it yields one or the other, depending on the row.
    """
    readings = set(_readings(parsed(expression)))
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
def parsed(expression: str, place: Place = MAPPING) -> Expr:
    """The tree of an expression, in Spark's SQL; ValueError when it is not SQL."""
    import sqlglot

    try:
        return sqlglot.parse_one(expression, dialect="spark")
    except Exception as error:  # noqa: BLE001 - its own errors, and those of a parser that was not prepared for it
        raise ValueError(
            f"the expression {expression!r} is not SQL: {str(error).splitlines()[0]}; expected {place.reads}"
        ) from None
