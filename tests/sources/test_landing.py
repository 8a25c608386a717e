"""Landing: one schema for all rows of a file, lineage on each, whole or absent."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.sources.landing import StagedRows, landed_path, read_landed, source_file

SHA = "0123456789abcdef" * 4


def _rows(**columns: list[str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: pa.array(values, pa.string()) for name, values in columns.items()})


@pytest.mark.parametrize("label", [None, "a.jsonl@0123456789ab"])
def test_columns_that_come_late_are_null_before(tmp_path: Path, label: str | None) -> None:
    with StagedRows(tmp_path, "some", label) as staged:
        staged.write(_rows(a=["1", "2"]))
        staged.write(_rows(b=["x"], a=["3"]))
        staged.write(_rows(a=[None]))
        staged.land(landed_path(tmp_path, SHA), source_file("a.jsonl", SHA))
    assert [path.name for path in tmp_path.iterdir()] == ["0123456789ab.parquet"]
    rows = pq.read_table(tmp_path / "0123456789ab.parquet")
    assert rows.schema.field("b").type == pa.string()
    assert rows.select(["a", "b", "_row_number"]).to_pylist() == [
        {"a": "1", "b": None, "_row_number": 1},
        {"a": "2", "b": None, "_row_number": 2},
        {"a": "3", "b": "x", "_row_number": 3},
        {"a": None, "b": None, "_row_number": 4},
    ]
    assert set(rows["_source_file"].to_pylist()) == {"a.jsonl@0123456789ab"}
    landed = read_landed(tmp_path / "0123456789ab.parquet")
    assert landed is not None
    assert (landed.source_file, landed.rows, landed.columns) == ("a.jsonl@0123456789ab", 4, ("a", "b"))


def test_what_fails_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with StagedRows(tmp_path, "some", "x@1") as staged:
            staged.write(_rows(a=["1"]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_no_rows_no_file(tmp_path: Path) -> None:
    with StagedRows(tmp_path, "some") as staged:
        staged.land(landed_path(tmp_path, SHA), "x@1")
    assert list(tmp_path.iterdir()) == []
    assert read_landed(landed_path(tmp_path, SHA)) is None
