"""A lake that an earlier version made is refused before any work on it; one full rebuild gives it today's number."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.config.settings import settings
from lakehouse.contracts import Stage
from lakehouse.errors import OldLakeError
from lakehouse.orchestration.stages import run_stage
from lakehouse.outcome import TableOutcome
from lakehouse.storage.layout_version import LAYOUT, check_layout, prepare_layout, record_layout, rename_former_columns
from lakehouse.tables import TableRef, ops, silver
from lakehouse.window import BatchWindow

MOMENT = datetime(2018, 1, 2, tzinfo=UTC)
CONTACTS = silver("contacts")


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    monkeypatch.delenv("LAKEHOUSE_LAKE_ROOT", raising=False)
    settings.cache_clear()
    yield settings().lake
    settings.cache_clear()


def _write(lake: str, table: TableRef = CONTACTS) -> None:
    write_deltalake(table.location(lake), pa.table({"id": [1]}), mode="append")


def _load(lake: str, monkeypatch: pytest.MonkeyPatch, is_full: bool = False) -> None:
    """A stage that writes silver.contacts."""

    def work(*_: object) -> list[TableOutcome]:
        _write(lake)
        return [TableOutcome(CONTACTS)]

    monkeypatch.setattr(pkgutil, "resolve_name", lambda _: work)
    run_stage(Stage.SILVER, "contacts", BatchWindow.of(MOMENT, MOMENT, "r1", is_full=is_full), "ingest_crm")


@pytest.mark.parametrize("is_full", [False, True])
def test_a_new_lake_gets_its_number_with_the_first_work_on_it(
    lake: str, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    check_layout(lake)
    assert not Path(lake).exists(), "looking writes nothing"
    _load(lake, monkeypatch, is_full)
    _load(lake, monkeypatch)
    check_layout(lake)


def test_an_old_lake_is_refused_before_any_work_and_on_record(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(lake)
    for refused in (lambda: check_layout(lake), lambda: _load(lake, monkeypatch)):
        with pytest.raises(
            OldLakeError, match=r"earlier version of this project.*no layout number.*`lakehouse run --full` once"
        ):
            refused()
    (recorded,) = DeltaTable(ops("runs").location(lake)).to_pyarrow_table().to_pylist()
    assert recorded["status"] == "failed" and recorded["message"].startswith("OldLakeError")
    assert DeltaTable(CONTACTS.location(lake)).count() == 1


def test_a_later_layout_makes_the_lake_an_old_one(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _load(lake, monkeypatch)
    monkeypatch.setattr("lakehouse.storage.layout_version.LAYOUT", 7)
    with pytest.raises(OldLakeError, match=f"has layout {LAYOUT}, this version needs 7"):
        check_layout(lake)


def test_a_rebuild_that_did_not_end_leaves_the_lake_old(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(lake)
    _load(lake, monkeypatch, is_full=True)
    with pytest.raises(OldLakeError):
        check_layout(lake)
    record_layout("r1", lake)
    _load(lake, monkeypatch)


def test_a_lake_that_another_process_makes_meanwhile_is_no_old_one(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def other_process(_: str) -> list[TableRef]:
        record_layout("r2", lake)
        return [CONTACTS]

    monkeypatch.setattr("lakehouse.storage.layout_version.existing_tables", other_process)
    prepare_layout(BatchWindow.of(MOMENT, MOMENT, "r1"), lake)


_OF_R0 = {"run_id": "r0", "recorded_at": MOMENT}
FIRST_RUN = {"run_id": "r0", "stage": "silver", "table_name": "silver.contacts", "rows_read": 3, "rows_loaded": 2}


def _write_ops(lake: str, name: str, *recorded: dict[str, object]) -> None:
    write_deltalake(ops(name).location(lake), pa.Table.from_pylist(list(recorded)), mode="append")


def _with_names_of_layout_1(lake: str) -> None:
    """A lake of the previous version: its number, and ops tables whose counts had other names."""
    _write(lake)
    _write_ops(lake, "progress", {"stage": "layout", "input_table": "layout", "input_version": 1} | _OF_R0)
    times = {
        "started_at": MOMENT,
        "finished_at": MOMENT,
        "seconds": 1.0,
        "status": "success",
        "dag_id": "d",
        "message": "",
    }
    _write_ops(lake, "runs", FIRST_RUN | {"rows_quarantined": 1, "rows_duplicate": 0} | times)
    _write_ops(lake, "quality_results", {"rule_id": "contacts.key", "rows_checked": 3, "rows_failed": 1})


def test_the_previous_version_is_refused_and_then_rebuilt(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _with_names_of_layout_1(lake)
    with pytest.raises(OldLakeError, match=f"has layout 1, this version needs {LAYOUT}"):
        check_layout(lake)
    with pytest.raises(OldLakeError):
        _load(lake, monkeypatch)
    _load(lake, monkeypatch, is_full=True)
    record_layout("r1", lake)
    check_layout(lake)
    recorded = DeltaTable(ops("runs").location(lake)).to_pyarrow_table().sort_by("started_at").to_pylist()
    assert [(row["run_id"], row["status"], row["count_read"]) for row in recorded] == [
        ("r0", "success", 3),
        ("r1", "failed", 0),
        ("r1", "success", 0),
    ]


def test_counts_of_the_previous_version_are_kept_under_their_names_of_today(lake: str) -> None:
    _with_names_of_layout_1(lake)
    exported = {"export_id": "e1", "count_exported": 7}
    _write_ops(lake, "exports", exported)
    for _ in range(2):
        rename_former_columns.cache_clear()
        rename_former_columns(lake)
    (run,) = DeltaTable(ops("runs").location(lake)).to_pyarrow_table().to_pylist()
    assert [run[f"count_{name}"] for name in ("read", "loaded", "quarantined", "duplicate")] == [3, 2, 1, 0]
    results = DeltaTable(ops("quality_results").location(lake))
    assert results.to_pyarrow_table().to_pylist() == [
        {"rule_id": "contacts.key", "count_checked": 3, "count_failed": 1}
    ]
    exports = DeltaTable(ops("exports").location(lake))
    assert results.version() == 1, "renamed once"
    assert (exports.version(), exports.to_pyarrow_table().to_pylist()) == (0, [exported]), "nothing of it is touched"
