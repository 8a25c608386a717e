"""The payload in SQL is, byte for byte, the payload in Python: for every type that a Delta table can have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.activation.campaigns.export_fields import ExportField
from lakehouse.activation.payload.payload import payload_of
from lakehouse.activation.payload.payload_sql import json_sql, payload_sql
from lakehouse.storage.duckdb_views import connect

Typed = tuple[pa.DataType, st.SearchStrategy[Any]]

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text(
    st.sampled_from('"\\/\x00\x01\x1f\x7f\b\f\n\r\té\u2028😀')
)
DOUBLES = st.floats() | st.integers(-(10**18), 10**18).map(float) | st.floats(-1e6, 1e6).map(lambda x: round(x, 2))


def _decimals(precision: int, scale: int) -> Typed:
    units = st.integers(1 - 10**precision, 10**precision - 1)
    return pa.decimal128(precision, scale), units.map(lambda number: Decimal(f"{number}E-{scale}"))


SCALARS: list[Typed] = [
    (pa.string(), TEXTS),
    (pa.int8(), st.integers(-(2**7), 2**7 - 1)),
    (pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), DOUBLES),
    (pa.bool_(), st.booleans()),
    (pa.date32(), st.dates()),
    (pa.timestamp("us", tz="UTC"), st.datetimes(timezones=st.just(UTC))),
    (pa.timestamp("us"), st.datetimes()),
    (pa.binary(), st.binary()),
    *(_decimals(precision, scale) for precision, scale in ((14, 2), (38, 10), (5, 0), (2, 2), (38, 38))),
]


def _nested(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    def struct(parts: dict[str, Typed]) -> Typed:
        fields = pa.struct([(name, data_type) for name, (data_type, _) in parts.items()])
        return fields, st.fixed_dictionaries({name: st.none() | values for name, (_, values) in parts.items()})

    names = st.sampled_from(["a", "B", "über", 'q"u', "it's", "_1"])
    return st.one_of(
        inner.map(lambda typed: (pa.list_(typed[0]), st.lists(st.none() | typed[1], max_size=3))),
        st.dictionaries(names, inner, min_size=1, max_size=3).map(struct),
        inner.map(lambda typed: (pa.map_(pa.string(), typed[0]), _entries(TEXTS, typed[1]))),
        inner.map(lambda typed: (pa.map_(pa.int32(), typed[0]), _entries(st.integers(-99, 99), typed[1]))),
    )


def _entries(keys: st.SearchStrategy[Any], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(st.tuples(keys, st.none() | values), max_size=3, unique_by=lambda entry: entry[0])


TYPED = st.recursive(st.sampled_from(SCALARS), _nested, max_leaves=3)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return connect()


def _both(
    connection: duckdb.DuckDBPyConnection, column: pa.Array, fields: Sequence[ExportField]
) -> tuple[list[bytes], list[bytes]]:
    """Payloads by SQL and by Python of customers whose `value` is the column."""
    connection.register("profiles", pa.table({"value": column}))
    relation = connection.sql("select * from profiles")
    types = dict(zip(relation.columns, relation.types, strict=True))
    text = payload_sql(connection, "'c1'", "'a@b.example'", fields, types)
    by_sql = [bytes(body) for (body,) in connection.execute(f"select encode({text}) from profiles").fetchall()]
    values = connection.execute("select value from profiles").fetchall()
    by_python = [payload_of("c1", "a@b.example", {"value": value}, fields).body for (value,) in values]
    return by_sql, by_python


@pytest.mark.slow
@given(st.data())
def test_sql_and_python_make_the_same_bytes(connection: duckdb.DuckDBPyConnection, data: st.DataObject) -> None:
    data_type, values = data.draw(TYPED)
    column = pa.array(data.draw(st.lists(st.none() | values, min_size=1, max_size=20)), data_type)
    nulls: Any = data.draw(st.sampled_from([None, "send", "omit"]))
    fields = [ExportField(field="value", nulls=nulls), ExportField(field="value", rename="another")]
    by_sql, by_python = _both(connection, column, fields)
    assert by_sql == by_python


EDGES = st.lists(DOUBLES.filter(lambda x: abs(x) < 1e300), min_size=1, max_size=4, unique=True).map(sorted)
NUMBERS = [
    typed
    for typed in SCALARS
    if pa.types.is_integer(typed[0]) or pa.types.is_floating(typed[0]) or pa.types.is_decimal(typed[0])
]


@pytest.mark.slow
@given(st.data(), EDGES)
def test_sql_and_python_put_a_number_into_the_same_band(
    connection: duckdb.DuckDBPyConnection, data: st.DataObject, edges: list[float]
) -> None:
    """Also at an edge that the number's type cannot hold: 0.1 as a decimal is below 0.1 as a double."""
    data_type, values = data.draw(st.sampled_from(NUMBERS))
    column = pa.array(data.draw(st.lists(st.none() | values, min_size=1, max_size=20)), data_type)
    field = ExportField.model_validate({"bucket": {"field": "value", "edges": edges}})
    by_sql, by_python = _both(connection, column, [field])
    assert by_sql == by_python


@pytest.mark.parametrize("value", ["0.1", "0.2", "0.3", "-0.1", "30", "29.99"])
def test_a_decimal_at_an_edge(connection: duckdb.DuckDBPyConnection, value: str) -> None:
    field = ExportField.model_validate({"bucket": {"field": "value", "edges": [-0.1, 0.1, 0.2, 0.3, 30]}})
    by_sql, by_python = _both(connection, pa.array([Decimal(value)], pa.decimal128(14, 2)), [field])
    assert by_sql == by_python


def test_a_type_that_sql_has_no_exact_text_for_is_written_by_python(connection: duckdb.DuckDBPyConnection) -> None:
    column = pa.array([[(1.5, "a")], None], pa.map_(pa.float64(), pa.string()))
    connection.register("profiles", pa.table({"value": column}))
    (data_type,) = connection.sql("select value from profiles").types
    assert json_sql("value", data_type) is None
    by_sql, by_python = _both(connection, column, [ExportField(field="value")])
    assert by_sql == by_python


def test_literal_payload_in_sql(connection: duckdb.DuckDBPyConnection) -> None:
    fields = [ExportField.model_validate(name) for name in ("b", "a")]
    connection.register("profiles", pa.table({"a": ['Zoë "\x01\\'], "b": [0.1 + 0.2], "customer_id": ["c'1"]}))
    relation = connection.sql("select * from profiles")
    types = dict(zip(relation.columns, relation.types, strict=True))
    text = payload_sql(connection, "customer_id", "'z@example.com'", fields, types)
    assert connection.execute(f"select {text} from profiles").fetchall() == [
        ('{"attributes":{"a":"Zoë \\"\\u0001\\\\","b":0.3},"customer_id":"c\'1","email":"z@example.com"}',)
    ]
    nothing = payload_sql(connection, "'c1'", "'z@example.com'", [], {})
    assert connection.execute(f"select {nothing}").fetchall() == [
        ('{"attributes":{},"customer_id":"c1","email":"z@example.com"}',)
    ]
