"""The kinds of the parts of a condition: values of different kinds are not compared, and what engines read differently
is refused."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lakehouse.activation.segments.functions import CONCAT, FUNCTIONS, IF, OF_ONE_KIND, SEGMENT, Kind
from lakehouse.activation.segments.profile_columns import ProfileColumn

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

_KINDS = (
    (re.compile(r"string|varchar", re.IGNORECASE), Kind.TEXT),
    (re.compile(r"bool", re.IGNORECASE), Kind.BOOLEAN),
    (re.compile(r"date$|timestamp", re.IGNORECASE), Kind.TIME),
    (re.compile(r"", re.IGNORECASE), Kind.NUMBER),
)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2})?)?")
_UNITS = re.compile(r"(HOUR|DAY|WEEK|MONTH|YEAR)S?", re.IGNORECASE)
_COMPARES = "it compares"


class Kinds:
    """The kind of every part of a tree; ValueError for a part that is not allowed."""

    def __init__(self, columns: Mapping[str, ProfileColumn]) -> None:
        from sqlglot import expressions as sql

        self._sql, self._columns = sql, columns
        self._functions = {getattr(sql, function.node): (name, function) for name, function in FUNCTIONS.items()}
        self._of_one_kind = {getattr(sql, node): name for name, node in OF_ONE_KIND.items()}

    def of(self, node: Expr) -> Kind:
        """The kind of one part."""
        sql = self._sql
        node = node.unnest()
        if isinstance(node, sql.Column):
            return self._column(node)
        if isinstance(node, (sql.Literal, sql.Boolean, sql.Null, sql.Cast)):
            return self._constant(node)
        if isinstance(node, (sql.And, sql.Or, sql.Not)):
            self._all(_parts(node), Kind.BOOLEAN, "a condition")
            return Kind.BOOLEAN
        if isinstance(node, sql.Is) and isinstance(node.expression, sql.Null):
            self.of(node.this)
            return Kind.BOOLEAN
        comparisons = (sql.EQ, sql.NEQ, sql.GT, sql.GTE, sql.LT, sql.LTE, sql.NullSafeEQ, sql.Between, sql.In)
        if isinstance(node, comparisons):
            self._same(_parts(node), _COMPARES)
            return Kind.BOOLEAN
        if isinstance(node, sql.Like) and isinstance(node.expression, sql.Literal):
            self._all(_parts(node), Kind.TEXT, "LIKE")
            return Kind.BOOLEAN
        if isinstance(node, (sql.Add, sql.Sub)) and isinstance(node.expression, sql.Interval):
            self._all([node.this], Kind.TIME, "an interval")
            self._interval(node.expression)
            return Kind.TIME
        if isinstance(node, (sql.Add, sql.Sub, sql.Mul, sql.Neg)):
            self._all(_parts(node), Kind.NUMBER, "arithmetic")
            return Kind.NUMBER
        return self._call(node)

    def _column(self, column: Expr) -> Kind:
        name = column.name
        if column.args.get("table") is not None:
            raise ValueError(f"{column.sql('spark')} names a table; expected the name of a column alone")
        if name not in self._columns:
            near = difflib.get_close_matches(name, self._columns, 1, 0.6)
            hint = f"did you mean {near[0]!r}? Columns: " if near else ""
            raise ValueError(
                f"gold.dim_customers has no column {name!r}; expected one of its columns: {hint}"
                f"{', '.join(sorted(self._columns))}"
            )
        return next(kind for pattern, kind in _KINDS if pattern.match(self._columns[name].data_type))

    def _constant(self, node: Expr) -> Kind:
        sql = self._sql
        if isinstance(node, sql.Null):
            return Kind.NOTHING
        if isinstance(node, sql.Boolean):
            return Kind.BOOLEAN
        if isinstance(node, sql.Literal):
            if "\\" in node.name:
                raise ValueError("a text has a backslash, which engines read differently; expected a text without it")
            return Kind.TEXT if node.is_string else Kind.NUMBER
        value, to = node.this, node.args["to"].this
        if to in sql.DataType.TEMPORAL_TYPES and isinstance(value, sql.Literal) and value.is_string:
            return _time(value.name)
        if to is sql.DataType.Type.DATE and not isinstance(value, sql.Literal):  # date(last_order_at)
            self._all([value], Kind.TIME, "date")
            return Kind.TIME
        if to in sql.DataType.NUMERIC_TYPES and isinstance(value, sql.Literal) and not value.is_string:  # 0.2D
            return Kind.NUMBER
        raise ValueError(
            "a value is converted, and engines convert differently; expected values of one kind, and times as"
            " timestamp '2018-01-31'"
        )

    def _call(self, node: Expr) -> Kind:
        sql = self._sql
        if isinstance(node, (sql.Case, sql.If)):
            return self._choice(node)
        if isinstance(node, (sql.Concat, sql.DPipe)):
            if isinstance(node, sql.Concat) and not node.args.get("safe"):  # 'it''s', which Spark reads in two ways
                raise ValueError("a text is made of two; expected \\' for a quote in a text")
            self._all(_parts(node), Kind.TEXT, CONCAT)
            return Kind.TEXT
        if (name := self._of_one_kind.get(type(node))) is not None:
            return self._same(_parts(node), f"{name} mixes")
        if isinstance(node, (sql.Div, sql.IntDiv, sql.Mod)):
            raise ValueError(
                f"{node.sql('spark')} divides, and engines differ in what dividing by 0 and cents give; expected a"
                " product, e.g. a > 0.5 * b instead of a / b > 0.5"
            )
        if type(node) not in self._functions:
            raise ValueError(
                f"{node.sql('spark')} cannot be used in a segment; expected columns, constants, comparisons, and, or,"
                f" not, + - *, case, and the functions {', '.join(sorted(SEGMENT.functions))}"
            )
        name, function = self._functions[type(node)]
        given = [part.this if isinstance(part, sql.TsOrDsToDate) else part for part in _parts(node)]
        if len(given) != len(function.takes):
            raise ValueError(f"{name} has {len(given)} values; expected {len(function.takes)}")
        for part, kind in zip(given, function.takes, strict=True):
            self._all([part], kind, name)
        for position in function.counts:
            if not (isinstance(given[position], sql.Literal) and given[position].name.strip("0").isdecimal()):
                raise ValueError(f"{name} counts signs; expected whole numbers from 1")
        return function.gives

    def _choice(self, node: Expr) -> Kind:
        sql, cases = self._sql, [node] if isinstance(node, self._sql.If) else node.args["ifs"]
        if isinstance(node, sql.Case) and node.this is not None:
            self._same([node.this, *(case.this for case in cases)], _COMPARES)
        else:
            self._all([case.this for case in cases], Kind.BOOLEAN, "a case")
        other = node.args.get("false") if isinstance(node, sql.If) else node.args.get("default")
        results = [*(case.args["true"] for case in cases), *([other] if other is not None else [])]
        return self._same(results, f"{IF if isinstance(node, sql.If) else 'case'} mixes")

    def _interval(self, interval: Expr) -> None:
        unit = interval.args.get("unit")
        if not interval.this.name.isdecimal() or unit is None or not _UNITS.fullmatch(unit.name):
            raise ValueError(
                f"{interval.sql('spark')} is no length of time; expected e.g. interval 60 days (hours, days, weeks,"
                " months, years)"
            )

    def _all(self, parts: Sequence[Expr], wanted: Kind, what: str) -> None:
        for part in parts:
            if (found := self.of(part)) not in (wanted, Kind.NOTHING):
                raise ValueError(f"{part.sql('spark')} is {found}, where {what} needs {wanted}; expected {wanted}")

    def _same(self, parts: Sequence[Expr], does: str) -> Kind:
        """The kind that all parts have."""
        kinds = [(part, kind) for part in parts if (kind := self.of(part)) is not Kind.NOTHING]
        if not kinds or (does == _COMPARES and len(kinds) < len(parts)):
            raise ValueError("null is compared, which is never true; expected `is null`")
        first, wanted = kinds[0]
        for part, kind in kinds[1:]:
            if kind is not wanted:
                raise ValueError(
                    f"{does} {first.sql('spark')}, {wanted}, with {part.sql('spark')}, {kind}; expected {wanted}"
                    + (", e.g. timestamp '2018-01-31'" if wanted is Kind.TIME else "")
                )
        return wanted


def _parts(node: Expr) -> list[Expr]:
    """What a part is made of, in order."""
    return list(node.iter_expressions())


def _time(text: str) -> Kind:
    try:
        datetime.fromisoformat(text if _TIME.fullmatch(text) else "")
    except ValueError:
        raise ValueError(f"{text!r} is no time; expected e.g. timestamp '2018-01-31 09:00:00' (UTC)") from None
    return Kind.TIME
