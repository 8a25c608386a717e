"""Which rows were appended since a version, also when the log or the files were cleaned up in between."""

from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field, write_deltalake
from deltalake.schema import PrimitiveType

from lakehouse.config.settings import settings
from lakehouse.spark.session import session
from lakehouse.spark.table import SparkTable
from lakehouse.storage.discovery import delta_uri
from lakehouse.tables import bronze
from tests.spark_jobs.conftest import Lake

TABLE = bronze("crm", "things")


def append(*names: str, **further: str) -> None:
    columns = {"name": list(names), "_source_file": [f"{name}.csv@{name}" for name in names]} | {
        key: [value] * len(names) for key, value in further.items()
    }
    write_deltalake(delta_uri(TABLE, settings().lake), pa.table(columns), mode="append")


def table() -> DeltaTable:
    return DeltaTable(delta_uri(TABLE, settings().lake))


def bronze_table() -> SparkTable:
    return SparkTable(TABLE, settings().lake, spark=session())


def changes(since: int) -> tuple[int, list[str]]:
    opened = bronze_table()
    rows = opened.appended_since(since)
    return opened.version, [] if rows is None else sorted(row["name"] for row in rows.collect())


def test_table_that_does_not_exist(lake: Lake) -> None:
    assert changes(-1) == (-1, [])


@pytest.mark.both_engines
def test_appended_rows(lake: Lake) -> None:
    append("a")
    append("b", "c")
    append("d")
    assert changes(-1) == (2, ["a", "b", "c", "d"])
    assert changes(0) == (2, ["b", "c", "d"])
    assert changes(1) == (2, ["d"])
    assert changes(2) == (2, [])


@pytest.mark.both_engines
def test_column_added_in_between(lake: Lake) -> None:
    append("a")
    append("b")
    table().alter.add_columns([Field("colour", PrimitiveType("string"))])
    append("c", colour="red")
    rows = bronze_table().appended_since(0)
    assert rows is not None
    assert sorted((row["name"], row["colour"]) for row in rows.collect()) == [("b", None), ("c", "red")]


def test_compacted_files_hide_nothing_and_invent_nothing(lake: Lake) -> None:
    append("a")
    append("b")
    append("c")
    table().optimize.compact()
    assert changes(0) == (3, ["b", "c"])
    assert changes(2) == (3, [])
    append("d")
    assert changes(1) == (4, ["c", "d"])


def test_log_that_was_cleaned_up_gives_all_rows(lake: Lake) -> None:
    append("a")
    append("b")
    append("c")
    table().create_checkpoint()
    for old in (0, 1):
        (settings().home / "lake" / "bronze" / "crm_things" / "_delta_log" / f"{old:020d}.json").unlink()
    append("d")
    assert changes(2) == (3, ["d"])
    assert changes(0) == (3, ["a", "b", "c", "d"])


def test_vacuumed_files_give_all_rows(lake: Lake) -> None:
    append("a")
    append("b")
    table().optimize.compact()
    table().vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    append("c")
    assert changes(0)[1] == ["a", "b", "c"]


def test_table_that_was_created_again_gives_all_rows(lake: Lake) -> None:
    append("a")
    assert changes(7) == (0, ["a"])
