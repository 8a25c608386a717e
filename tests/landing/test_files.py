"""Landing: one schema for all rows of a file, lineage on each, whole or absent."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.landing import files as landing
from lakehouse.landing.files import Bundle, StagedRows, landed_files, landed_path, source_file

SHA = "0123456789abcdef" * 4


def _rows(**columns: list[str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _bundle(bundle: Bundle, label: str, *batches: pa.RecordBatch) -> bool:
    with StagedRows(bundle.folder, label, label) as staged:
        for rows in batches:
            staged.write(rows)
        return staged.bundle(bundle, label)


@pytest.mark.parametrize("held_bytes", [0, 10, 1_000], ids=["written at once", "held for a while", "held"])
@pytest.mark.parametrize("label", [None, "a.jsonl@0123456789ab"])
def test_columns_that_come_late_are_null_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label: str | None, held_bytes: int
) -> None:
    monkeypatch.setattr(landing, "_HELD_BYTES", held_bytes)
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
    (landed,) = landed_files(tmp_path)
    assert (landed.rows, landed.columns) == ({"a.jsonl@0123456789ab": 4}, ("a", "b"))
    assert not list(landed_files(tmp_path, {"0123456789ab"}))


def test_names_that_differ_in_case_are_one_column(tmp_path: Path) -> None:
    with StagedRows(tmp_path, "some", "x@1") as staged:
        staged.write(pa.RecordBatch.from_pydict({"Note": ["a"]}))
        staged.write(pa.RecordBatch.from_pydict({"NOTE": ["b"]}))
        staged.land(tmp_path / "x.parquet", "x@1")
    assert pq.read_table(tmp_path / "x.parquet").column("Note").to_pylist() == ["a", "b"]


@pytest.mark.parametrize("held_bytes", [0, 1_000])
def test_what_fails_on_the_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held_bytes: int) -> None:
    monkeypatch.setattr(landing, "_HELD_BYTES", held_bytes)

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
    bundle = Bundle(tmp_path)
    assert _bundle(bundle, "y@2", _rows(a=[]))
    bundle.land()
    assert list(tmp_path.iterdir()) == []


def test_small_deliveries_with_the_same_columns_share_a_file(tmp_path: Path) -> None:
    bundle = Bundle(tmp_path)
    assert _bundle(bundle, "a@1", _rows(a=["1"]), _rows(a=["2"]))
    assert _bundle(bundle, "b@2", _rows(a=["3"]))
    assert not list(landed_files(tmp_path)), "nothing is there before all of it is"
    assert _bundle(bundle, "c@3", _rows(a=["4"], b=["x"]))
    assert [landed.rows for landed in landed_files(tmp_path)] == [{"a@1": 2, "b@2": 1}], "other columns, another file"
    bundle.land()
    shared, single = sorted(landed_files(tmp_path), key=lambda landed: -len(landed.rows))
    assert (single.path.name, single.rows, single.columns) == ("3.parquet", {"c@3": 1}, ("a", "b"))
    assert [tuple(row.values()) for row in pq.read_table(shared.path).to_pylist()] == [
        ("1", "a@1", 1),
        ("2", "a@1", 2),
        ("3", "b@2", 1),
    ]
    assert len(list(tmp_path.iterdir())) == 2


def test_many_rows_do_not_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "_HELD_BYTES", 200)
    bundle = Bundle(tmp_path)
    assert not _bundle(bundle, "large@1", _rows(a=["x" * 300]))
    for number in range(3):
        assert _bundle(bundle, f"small@{number}", _rows(a=["x" * 60]))
    bundle.land()
    assert sorted(len(landed.rows) for landed in landed_files(tmp_path)) == [1, 2]
