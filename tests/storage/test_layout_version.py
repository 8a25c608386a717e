"""A lake that an earlier version made is told before any work on it; one full rebuild gives it today's number."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.config.settings import settings
from lakehouse.errors import OldLakeError
from lakehouse.orchestration.stages import run_stage
from lakehouse.outcome import TableOutcome
from lakehouse.storage.layout_version import check_layout, prepare_layout, record_layout
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
    run_stage("silver", "contacts", BatchWindow.of(MOMENT, MOMENT, "r1", is_full=is_full), "ingest_crm")


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
    with pytest.raises(OldLakeError, match="has layout 1, this version needs 7"):
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
