"""A condition of segments.yml, checked: columns that exist, values of one kind compared, nothing that engines read
differently.

What is checked is a tree, and what runs is written from that tree: in Spark's SQL for the build, in DuckDB's for a
preview.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lakehouse.activation.segments.functions import SEGMENT, Kind
from lakehouse.activation.segments.kinds import Kinds
from lakehouse.activation.segments.profile_columns import ProfileColumn
from lakehouse.config.expressions import check_expression, parsed

_NOW = re.compile(r"\b(now|curdate|current_date|current_timestamp|localtimestamp)\b", re.IGNORECASE)
_JINJA = re.compile(r"\{\{|\{%|\{#")


@dataclass(frozen=True)
class Condition:
    """A checked condition or value: the columns it reads, and its SQL for DuckDB and for Spark."""

    columns: tuple[str, ...]
    duckdb: str
    spark: str


def check_text(text: str) -> str:
    """The text, which becomes part of a dbt model; ValueError when dbt would take it for a template."""
    if _JINJA.search(text):
        raise ValueError("the text has {{, {% or {#, which dbt takes for a template; expected a text without them")
    return text


def condition(expression: str, columns: Mapping[str, ProfileColumn]) -> Condition:
    """A condition over one row of gold.dim_customers; ValueError, with what was expected, for anything else."""
    return _checked(expression, columns, Kind.BOOLEAN, "a condition, e.g. count_orders >= 3")


def text_value(expression: str, columns: Mapping[str, ProfileColumn]) -> Condition:
    """A text made of one row of gold.dim_customers; ValueError for anything else, and for what names a person."""
    found = _checked(expression, columns, Kind.TEXT, "a text, e.g. top_category_1")
    if personal := [name for name in found.columns if columns[name].is_direct]:
        raise ValueError(
            f"the expression {expression!r} shows {', '.join(personal)}, and `detail` is no place for personal data;"
            " expected other columns (the fields of a campaign may have it)"
        )
    return found


def _checked(expression: str, columns: Mapping[str, ProfileColumn], wanted: Kind, example: str) -> Condition:
    from sqlglot import expressions as sql

    check_text(expression)
    if now := _NOW.search(re.sub(r"'[^']*'", "''", expression)):
        raise ValueError(
            f"the expression {expression!r} asks for {now[0]}, and a rebuild would give other members; expected the"
            " column as_of, the moment that the profiles look back from"
        )
    check_expression(expression, SEGMENT)
    tree = parsed(expression, SEGMENT)
    try:
        found = Kinds(columns).of(tree)
    except ValueError as error:
        problem, _, expected = str(error).partition("; expected ")
        raise ValueError(f"in {expression!r}: {problem}; expected {expected}") from None
    if found is not wanted:
        raise ValueError(f"the expression {expression!r} is {found}; expected {example}")
    read = tuple(dict.fromkeys(column.name for column in tree.find_all(sql.Column)))
    return Condition(read, tree.sql("duckdb"), tree.sql("spark"))
