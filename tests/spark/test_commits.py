"""Lost commit races are run again from a fresh read, a limited number of times."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from pyspark.sql import functions as sf

from lakehouse.config.settings import settings
from lakehouse.contracts import Column
from lakehouse.errors import CommitConflictError
from lakehouse.spark.commits import committed
from lakehouse.spark.session import session
from lakehouse.spark.table import SparkTable
from lakehouse.tables import silver
from tests.spark_jobs.conftest import Lake

TABLE = silver("things")
COLUMNS = (Column("name", "string", "Name", required=True), Column("value", "int", "Value"))


def things() -> SparkTable:
    return SparkTable(TABLE, settings().lake, spark=session())


def write(values: dict[str, int]) -> None:
    rows = session().createDataFrame(list(values.items()), "name string, value int")
    things().replace_rows(rows, COLUMNS)


def merge(values: dict[str, int]) -> None:
    rows = session().createDataFrame(list(values.items()), "name string, value int")
    things().merge(rows, ("name",))


def test_attempts_are_bounded() -> None:
    attempts = []

    def lose() -> None:
        attempts.append(1)
        raise CommitConflictError(str(TABLE), 1)

    with pytest.raises(CommitConflictError, match="commit lost 4 times"):
        committed(TABLE, lose)
    assert len(attempts) == 4


def test_other_errors_are_not_tried_again() -> None:
    attempts = []

    def fail() -> None:
        attempts.append(1)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        committed(TABLE, fail)
    assert len(attempts) == 1


def test_two_writers_at_once_both_get_through(lake: Lake) -> None:
    write({f"n{number}": 0 for number in range(2000)})
    session()

    def add(writer: int) -> None:
        committed(TABLE, lambda: merge({f"n{number}": writer for number in range(writer, 2000, 2)}))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add, (0, 1)))
    assert all(value == int(name[1:]) % 2 for name, value in lake.values("silver.things", "name", "value"))


@pytest.mark.both_engines
def test_merge_append_delete_and_replace(lake: Lake) -> None:
    write({"a": 1, "b": 2})
    merge({"b": 20, "c": 30})
    assert lake.values("silver.things", "name", "value") == [("a", 1), ("b", 20), ("c", 30)]
    rows = session().createDataFrame([("c", 0), ("d", 40)], "name string, value int")
    for _ in range(2):
        things().append_once(rows, ("name",))
    assert lake.values("silver.things", "name", "value") == [("a", 1), ("b", 20), ("c", 30), ("d", 40)]
    things().delete(rows, ("name",))
    assert lake.values("silver.things", "name") == [("a",), ("b",)]
    write({"z": 9})
    assert lake.values("silver.things", "name", "value") == [("z", 9)]


@pytest.mark.both_engines
def test_columns_are_added_and_a_changed_contract_replaces_the_schema(lake: Lake) -> None:
    write({"a": 1})
    wider = things().ensure((*COLUMNS, Column("colour", "string", "Colour")))
    wider.append(session().createDataFrame([("b", "red")], "name string, colour string"))
    assert lake.values("silver.things", "name", "value", "colour") == [("a", 1, None), ("b", None, "red")]
    changed = (COLUMNS[0], Column("value", "decimal(14,2)", "Value"))
    rows = session().createDataFrame([("c",)], "name string").withColumn("value", sf.lit("1.5"))
    things().replace_rows(rows, changed)
    assert [(row["name"], str(row["value"])) for row in lake.rows("silver.things")] == [("c", "1.50")]


def test_row_with_an_unknown_column_is_refused(lake: Lake) -> None:
    write({"a": 1})
    with pytest.raises(KeyError, match="colour"):
        things().append(session().createDataFrame([("b", "red")], "name string, colour string"))
