"""Which tables a lake has, on disk and on an object store."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.storage.discovery import existing_tables, newest_version
from lakehouse.tables import gold, ops, silver


def test_lists_what_has_a_commit_and_nothing_else(tmp_path: Path) -> None:
    lake = str(tmp_path)
    assert existing_tables(lake) == []
    for table in (silver("contacts"), ops("runs")):
        write_deltalake(table.location(lake), pa.table({"x": [1]}))
    (tmp_path / "silver" / "begun" / "_delta_log").mkdir(parents=True)
    (tmp_path / "silver" / "_staging" / "_delta_log").mkdir(parents=True)
    (tmp_path / "elsewhere" / "t").mkdir(parents=True)
    assert existing_tables(lake) == [ops("runs"), silver("contacts")]
    assert newest_version(silver("contacts"), lake) == 0
    assert newest_version(silver("begun"), lake) is None


def test_lists_an_object_store_the_same_way() -> None:
    store = fsspec.filesystem("memory")
    for path in (
        "silver/contacts/_delta_log/00000000000000000000.json",
        "gold/begun/part-0.parquet",
        "gold/facts/_delta_log/00000000000000000007.json",
    ):
        store.pipe_file(f"/shop-lake/{path}", b"{}")
    lake = "memory://shop-lake"
    assert existing_tables(lake) == [gold("facts"), silver("contacts")]


def test_a_log_that_may_not_be_read_is_not_a_table_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_deltalake(silver("consents").location(str(tmp_path)), pa.table({"x": [1]}))

    def refused(path: Path) -> list[str]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("lakehouse.storage.discovery.os.listdir", refused)
    with pytest.raises(PermissionError):
        newest_version(silver("consents"), str(tmp_path))
