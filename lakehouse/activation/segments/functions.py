"""The functions that a condition of segments.yml may call, with what they take and give.

Only functions that give the same on DuckDB, where a condition is previewed, and on Spark and Sail, where it is built: a
test compares them on each. To allow another one, add it here and there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lakehouse.config.expressions import Place


class Kind(StrEnum):
    """What a value is; values of different kinds are not compared, because engines convert them differently."""

    TEXT = "a text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    TIME = "a time"
    NOTHING = "null"


@dataclass(frozen=True)
class Function:
    """A function: the name of its node in a tree of sqlglot, the kinds of its arguments, and the kind of its value.

    `counts` are the positions of arguments that must be whole numbers from 1, written out: engines differ in others.
    """

    node: str
    takes: tuple[Kind, ...]
    gives: Kind
    counts: tuple[int, ...] = ()


_T, _N, _B, _AT = Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN, Kind.TIME
FUNCTIONS = {
    "lower": Function("Lower", (_T,), _T),
    "trim": Function("Trim", (_T,), _T),
    "length": Function("Length", (_T,), _N),
    "left": Function("Left", (_T, _N), _T, counts=(1,)),
    "right": Function("Right", (_T, _N), _T, counts=(1,)),
    "substring": Function("Substring", (_T, _N, _N), _T, counts=(1, 2)),
    "contains": Function("Contains", (_T, _T), _B),
    "startswith": Function("StartsWith", (_T, _T), _B),
    "endswith": Function("EndsWith", (_T, _T), _B),
    "abs": Function("Abs", (_N,), _N),
    "ceil": Function("Ceil", (_N,), _N),
    "floor": Function("Floor", (_N,), _N),
    "year": Function("Year", (_AT,), _N),
    "month": Function("Month", (_AT,), _N),
    "day": Function("Day", (_AT,), _N),
    "hour": Function("Hour", (_AT,), _N),
    "datediff": Function("DateDiff", (_AT, _AT), _N),
}
# They take values of one kind, and give one of that kind.
OF_ONE_KIND = {"coalesce": "Coalesce", "nullif": "Nullif", "greatest": "Greatest", "least": "Least"}
CONCAT, IF, DATE = "concat", "if", "date"
LISTED = frozenset({*FUNCTIONS, *OF_ONE_KIND, CONCAT, IF, DATE})

SEGMENT = Place(
    "a segment",
    LISTED,
    "lakehouse/activation/segments/functions.py",
    "a condition reads one customer; expected a condition over columns of gold.dim_customers (what needs other rows or"
    " tables is a dbt model, see docs/write-a-segment.md)",
    "a condition over columns of gold.dim_customers",
)
