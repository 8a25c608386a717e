"""Records of the ops tables: each is there once, whoever writes and compacts at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from lakehouse.storage.discovery import delta_uri
from lakehouse.storage.ops_tables import compact, record
from lakehouse.tables import ops

NOW = datetime(2018, 1, 2, tzinfo=UTC)


def _record(lake: str, run_id: str) -> None:
    row = {"stage": "gold", "input_table": "silver.contacts", "input_version": 1, "run_id": run_id, "recorded_at": NOW}
    record("progress", [row], lake)


def _run_ids(lake: str) -> list[str]:
    return sorted(
        DeltaTable(delta_uri(ops("progress"), lake)).to_pyarrow_table(columns=["run_id"])["run_id"].to_pylist()
    )


def test_many_writers_at_once(tmp_path: Path) -> None:
    names = [f"{number:03}" for number in range(80)]
    with ThreadPoolExecutor(4) as writers:
        list(writers.map(lambda name: _record(str(tmp_path), name), names))
    assert _run_ids(str(tmp_path)) == names
    assert len(DeltaTable(delta_uri(ops("progress"), str(tmp_path))).file_uris()) < len(names) / 2


def test_two_compactions_of_one_version_do_not_double_the_rows(tmp_path: Path) -> None:
    lake = str(tmp_path)
    for name in ("a", "b", "c"):
        _record(lake, name)
    one, other = (DeltaTable(delta_uri(ops("progress"), lake)) for _ in range(2))
    _record(lake, "appended meanwhile")
    compact(one)
    with pytest.raises(CommitFailedError):
        compact(other)
    assert _run_ids(lake) == ["a", "appended meanwhile", "b", "c"]
