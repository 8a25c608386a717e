"""The diff of two states, for any two states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.activation.planning.diff import diff
from lakehouse.storage.duckdb_views import connect

CUSTOMERS = st.sampled_from([f"c{n}" for n in range(12)])
STATES = st.dictionaries(CUSTOMERS, st.sampled_from(["a", "b", "c"]))
Found = dict[str, list[str]]


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return connect()


def _diff(
    connection: duckdb.DuckDBPyConnection,
    target: Mapping[str, str],
    acknowledged: Mapping[str, str],
    uncertain: Set[str] = frozenset(),
    removable: str | None = None,
) -> Found:
    """Sorted customers by what must happen."""
    wanted = [(customer, f"{customer}@example.com", payload) for customer, payload in target.items()]
    there = [
        (customer, acknowledged.get(customer), None, customer in acknowledged, customer in uncertain)
        for customer in sorted(acknowledged.keys() | uncertain)
    ]
    _table(connection, "target", ("customer_id", "address", "payload_hash"), wanted)
    _table(
        connection,
        "there",
        ("customer_id", "payload_hash", "sent_email", "is_acknowledged", "is_uncertain"),
        there,
    )
    connection.execute(
        "create or replace table dead_letters as select null::varchar as customer_id, payload_hash from target"
    )
    counts = diff(connection, removable)
    found: Found = defaultdict(list)
    for customer, action in connection.execute("select customer_id, action from difference order by all").fetchall():
        found[action].append(customer)
    found["unchanged"] = sorted(
        (target.keys() | acknowledged.keys()) - {name for part in found.values() for name in part}
    )
    assert {action: count for action, count in counts.items() if count} == {
        action: len(customers) for action, customers in found.items() if customers
    }
    return found


def _table(
    connection: duckdb.DuckDBPyConnection, name: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]
) -> None:
    fields = pa.schema([(column, pa.bool_() if column.startswith("is_") else pa.string()) for column in columns])
    given = pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema=fields)
    connection.register("given", given)
    connection.execute(f"create or replace table {name} as select * from given")


@pytest.mark.slow
@given(STATES, STATES, st.sets(CUSTOMERS))
def test_applying_the_difference_gives_the_target(
    connection: duckdb.DuckDBPyConnection, target: dict[str, str], acknowledged: dict[str, str], uncertain: set[str]
) -> None:
    found = _diff(connection, target, acknowledged, uncertain)
    after = {customer: payload for customer, payload in acknowledged.items() if customer not in found["removed"]}
    after |= {customer: target[customer] for customer in (*found["added"], *found["changed"])}
    assert after == target
    assert all(acknowledged[customer] == target[customer] for customer in found["unchanged"])
    assert not uncertain & set(found["unchanged"])


@given(STATES)
def test_no_difference_to_itself(connection: duckdb.DuckDBPyConnection, state: dict[str, str]) -> None:
    found = _diff(connection, state, dict(reversed(state.items())))
    assert (found["added"], found["changed"], found["removed"]) == ([], [], [])


def test_literal_rows(connection: duckdb.DuckDBPyConnection) -> None:
    found = _diff(connection, {"c1": "x", "c2": "new", "c4": "y"}, {"c1": "x", "c2": "old", "c3": "z"})
    assert found == {"added": ["c4"], "changed": ["c2"], "removed": ["c3"], "unchanged": ["c1"]}


def test_uncertain_customers_are_sent_again_or_removed(connection: duckdb.DuckDBPyConnection) -> None:
    found = _diff(connection, {"c1": "x", "c2": "new"}, {"c1": "x", "c4": "y"}, {"c1", "c2", "c3"})
    assert found == {"added": ["c2"], "changed": ["c1"], "removed": ["c3", "c4"], "unchanged": []}


def test_who_may_not_be_removed_is_retained(connection: duckdb.DuckDBPyConnection) -> None:
    found = _diff(connection, {}, {"c1": "x", "c2": "x"}, removable="select 'c2'")
    assert found == {"removed": ["c2"], "retained": ["c1"], "unchanged": []}
