"""The payload as SQL of DuckDB: byte for byte what `payload_of` makes, for millions of customers at once.

`payload_of` is the definition; a property test compares both for every type that a Delta table can have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import cast

import duckdb
from duckdb.func import SPECIAL
from duckdb.sqltypes import VARCHAR, DuckDBPyType

from lakehouse.activation.campaigns.export_fields import Bucket, ExportField
from lakehouse.activation.payload.payload import SIGNIFICANT_DIGITS, band_names, value_json
from lakehouse.utils.canonical_json import json_text
from lakehouse.utils.sql_text import standard_literal

_INTEGERS = frozenset(
    f"{sign}{size}" for sign in ("", "u") for size in ("tinyint", "smallint", "integer", "bigint", "hugeint")
)
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b"}
_SECONDS = "%Y-%m-%dT%H:%M:%S"
_LARGEST_NUMBER = 10**37  # a literal below it fits every decimal and integer of DuckDB


def payload_sql(
    connection: duckdb.DuckDBPyConnection,
    customer_id: str,
    email: str,
    fields: Sequence[ExportField],
    types: Mapping[str, DuckDBPyType],
) -> str:
    """SQL for the payload as text.

    Args:
        connection: where the query will run; gets the macro, and a function for each column of a type that SQL has no
            exact text for.
        customer_id: SQL for the customer's id.
        email: SQL for the address.
        fields: the exported fields; their columns must be in the query.
        types: type by column.
    """
    values = values_sql(connection, fields, types)
    # concat leaves out what is null
    attributes = ", ".join(f"',' || {key_sql(name)} || {value}" for name, value in values.items()) or "''"
    return (
        f"""concat('{{"attributes":{{', ltrim(concat({attributes}), ','), '}},"customer_id":',"""
        f""" json_string({customer_id}),"""
        f""" ',"email":', json_string({email}), '}}')"""
    )


def values_sql(
    connection: duckdb.DuckDBPyConnection, fields: Sequence[ExportField], types: Mapping[str, DuckDBPyType]
) -> dict[str, str]:
    """Name of a field -> SQL for the JSON of its value, in the order of the payload; null for one that is omitted.
    The macro `json_string` is there afterwards."""
    add_json_string(connection)
    ordered = sorted(fields, key=lambda field: field.name)
    found = {field: _field_sql(connection, field, types[field.column]) for field in ordered}
    return {field.name: f"nullif({sql}, 'null')" if field.nulls == "omit" else sql for field, sql in found.items()}


def key_sql(name: str) -> str:
    """SQL text of a name as the key of a JSON object, with its colon."""
    return standard_literal(json_text(name) + ":")


def add_json_string(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the macro `json_string`: a text as JSON, in quotes."""
    connection.execute(f"create or replace macro json_string(x) as {_json_string_sql('x')}")


def json_sql(value: str, data_type: DuckDBPyType, depth: int = 0) -> str | None:
    """SQL for the canonical JSON of an SQL value; None for a type that SQL has no exact text for."""
    name = data_type.id
    if name in _INTEGERS or name == "boolean":
        text: str | None = f"cast({value} as varchar)"
    elif name == "varchar":
        text = f"json_string({value})"
    elif name == "decimal":  # without digits before the point, DuckDB writes none
        text = rf"regexp_replace(cast({value} as varchar), '^(-?)\.', '\10.')"
    elif name in ("double", "float"):
        text = _double_sql(f"cast({value} as double)")
    elif name == "date":
        text = f"""'"' || cast({value} as varchar) || '"'"""
    elif name == "timestamp":
        text = f"""'"' || {_time_sql(value)} || '"'"""
    elif name == "timestamp with time zone":
        text = f"""'"' || {_time_sql(f"({value} at time zone 'UTC')")} || 'Z"'"""
    elif name == "blob":
        text = f"""'"' || lower(hex({value})) || '"'"""
    else:
        text = _nested_sql(value, data_type, depth)
    return text and f"coalesce({text}, 'null')"


def _nested_sql(value: str, data_type: DuckDBPyType, depth: int) -> str | None:
    item = f"item_{depth}"
    if data_type.id == "list":
        inner = json_sql(item, _child(data_type, "child"), depth + 1)
        return inner and f"'[' || array_to_string(list_transform({value}, lambda {item}: {inner}), ',') || ']'"
    if data_type.id == "struct":
        parts = []
        for name, _ in sorted(data_type.children):
            inner = json_sql(f"struct_extract({value}, {standard_literal(name)})", _child(data_type, name), depth)
            if inner is None:
                return None
            parts.append(f"{standard_literal(json_text(name) + ':')} || {inner}")
        listed = " || ',' || ".join(parts)
        return f"case when {value} is not null then '{{' || {listed} || '}}' end"
    if data_type.id == "map" and (_child(data_type, "key").id in (*_INTEGERS, "varchar")):
        inner = json_sql(f"{item}.value", _child(data_type, "value"), depth + 1)
        pairs = (
            f"list_transform(map_entries({value}), lambda {item}: {{'k': cast({item}.key as varchar), 'v': {inner}}})"
        )
        texts = f"list_transform(list_sort({pairs}), lambda {item}: json_string({item}.k) || ':' || {item}.v)"
        return inner and f"'{{' || array_to_string({texts}, ',') || '}}'"
    return None


def band_sql(value: str, data_type: DuckDBPyType, bucket: Bucket) -> str:
    """SQL for the JSON of the band that a number is in; null is null."""
    names = [standard_literal(json_text(name)) for name in band_names(bucket.edges)]
    cases = [
        f"when {_reaches(value, data_type, edge)} then {name}"
        for edge, name in reversed(list(zip(bucket.edges, names[1:], strict=True)))
    ]
    return f"case when {value} is null then 'null' {' '.join(cases)} else {names[0]} end"


def _reaches(value: str, data_type: DuckDBPyType, edge: float) -> str:
    """SQL: the value is at or above the edge, exactly: as a decimal, the edge is rounded up to the value's scale."""
    if data_type.id in ("double", "float"):
        return f"{value} >= cast('{edge!r}' as double)"
    scale = dict(data_type.children)["scale"] if data_type.id == "decimal" else 0
    assert isinstance(scale, int)
    units = math.ceil(Fraction(edge) * 10**scale)
    if abs(units) >= _LARGEST_NUMBER:
        return "false" if units > 0 else "true"
    digits = f"{abs(units):0{scale + 1}d}"
    number = f"{digits[: len(digits) - scale]}.{digits[len(digits) - scale :]}" if scale else digits
    return f"{value} >= {'-' if units < 0 else ''}{number}"


def _field_sql(connection: duckdb.DuckDBPyConnection, field: ExportField, data_type: DuckDBPyType) -> str:
    column = f'"{field.column}"'
    if field.bucket is not None:
        return band_sql(column, data_type, field.bucket)
    if (found := json_sql(column, data_type)) is not None:
        return found
    function = f"json_of_{field.column}"
    if not connection.execute("from duckdb_functions() where function_name = lower(?)", [function]).fetchall():
        connection.create_function(function, value_json, [data_type], VARCHAR, null_handling=SPECIAL)
    return f"{function}({column})"


def _json_string_sql(text: str) -> str:
    """A text in quotes. DuckDB's own is many times faster than replacing sign by sign, and differs from Python's only
    in the letters of control characters (`\\u001F`), which are rare."""
    escaped = rf"""replace(replace({text}, '\', '\\'), '"', '\"')"""
    for code in range(0x20):
        escape = _SHORT_ESCAPES.get(chr(code), f"\\u{code:04x}")
        escaped = f"replace({escaped}, chr({code}), '{escape}')"
    quoted = f"cast(to_json({text}) as varchar)"
    return rf"""case when contains({quoted}, '\u00') then '"' || {escaped} || '"' else {quoted} end"""


def _double_sql(value: str) -> str:
    rounded = f"cast(printf('%.{SIGNIFICANT_DIGITS}g', {value}) as double)"
    return f"case when isfinite({value}) then case when {value} = 0 then '0.0' else cast({rounded} as varchar) end end"


def _time_sql(value: str) -> str:
    return (
        f"case when microsecond({value}) % 1000000 = 0 then strftime({value}, '{_SECONDS}')"
        f" else strftime({value}, '{_SECONDS}.%f') end"
    )


def _child(data_type: DuckDBPyType, name: str) -> DuckDBPyType:
    return cast(DuckDBPyType, dict(data_type.children)[name])
