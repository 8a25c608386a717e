"""Running again: nothing to do is found to be nothing to do, a full rebuild gives the same gold and exports nobody
twice."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.contracts import FORMER_COLUMNS
from lakehouse.storage.layout_version import check_layout
from lakehouse.storage.ops_tables import record
from lakehouse.tables import ops
from tests.support.lakes import difference, result_tables, rows, tables
from tests.support.main_job import Ran, run_main_job


def _copy(lake: Path, to: Path) -> Path:
    shutil.copytree(lake, to)
    return to


def _exported_by_the_last_run(lake: Path) -> int:
    return int(rows(lake, "select count_exported from {ops.exports} order by finished_at desc limit 1")[0][0])


def _make_old(ran: Ran) -> None:
    """As an earlier version left it, with its names of columns: nothing can be done but a full rebuild."""
    layout = {
        "stage": "layout",
        "input_table": "layout",
        "input_version": 0,
        "run_id": "earlier",
        "recorded_at": datetime.now(UTC),
    }
    record("progress", [layout], str(ran.home.lake))
    for table, renamed in FORMER_COLUMNS.items():
        today = {name: former for former, name in renamed.items()}
        found = DeltaTable(ops(table).location(str(ran.home.lake)))
        recorded = found.to_pyarrow_table()
        names = [today.get(name, name) for name in recorded.column_names]
        write_deltalake(found, recorded.rename_columns(names), mode="overwrite", schema_mode="overwrite")
    refused = ran.home.lakehouse("run", check=False)
    assert refused.returncode == 1 and "Run `lakehouse run --full` once" in refused.stderr


@pytest.mark.slow
def test_a_second_run_changes_nothing_and_exports_nobody(ran: Ran, tmp_path: Path) -> None:
    before = _copy(ran.home.lake, tmp_path / "before")
    run_main_job(ran.home)
    names = [*tables(before, "bronze"), *result_tables(before)]
    assert {name: found for name in names if (found := difference(before, ran.home.lake, name, frozenset()))} == {}
    assert _exported_by_the_last_run(ran.home.lake) == 0


@pytest.mark.slow
def test_a_full_rebuild_equals_the_increments_and_exports_nobody(ran: Ran, tmp_path: Path) -> None:
    _make_old(ran)
    before = _copy(ran.home.lake, tmp_path / "before")
    summary = json.loads(run_main_job(ran.home, "--full"))
    read = [
        stage["count_read"]
        for stage in summary["stages"]
        if (stage["stage"], stage["table"]) == ("silver", "silver.transactions")
    ]
    assert sorted(read) == [0, *rows(before, "select count(*) from {bronze.shop_transactions}")[0]], (
        "rebuilt once, and not by the refresh again"
    )
    assert summary["is_full"] is True
    names = result_tables(before)
    assert {name: found for name in names if (found := difference(before, ran.home.lake, name))} == {}
    assert _exported_by_the_last_run(ran.home.lake) == 0
    check_layout(str(ran.home.lake))


def test_every_stage_balances(ran: Ran) -> None:
    unbalanced = rows(
        ran.home.lake,
        "select stage, table_name from {ops.runs}"
        " where count_read <> count_loaded + count_quarantined + count_duplicate",
    )
    assert unbalanced == []
    assert rows(ran.home.lake, "select count(*) from {ops.runs} where status = 'failed'") == [(0,)]


def test_the_summary_is_one_json_object(ran: Ran) -> None:
    assert json.loads(ran.output)["succeeded"] is True


def test_what_is_about_persons_is_readable_by_its_owner_only(ran: Ran) -> None:
    written = [
        path for folder in ("landing", "outbox", "sample", "logs") for path in (ran.home.path / folder).rglob("*")
    ]
    assert written
    assert [str(path) for path in written if path.stat().st_mode & 0o077 and path.name != ".lock"] == []
