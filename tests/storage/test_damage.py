"""A damaged table is found by its log and the sizes of its files, named by every reader, and hides no other table."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.cli import main
from lakehouse.config.settings import settings
from lakehouse.diagnostics.table_status import lake_status
from lakehouse.errors import DamagedTableError
from lakehouse.storage.damage import damage_of, damaged_tables, lost_commits
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.storage.progress import forget_versions, record_progress
from lakehouse.storage.sql import run_query
from lakehouse.storage.table import Table
from lakehouse.tables import silver
from tests.support.damage import OF_FILES, OF_LOGS, Damage, cut_the_newest_commit, lose_the_log

BROKEN, WHOLE = silver("contacts"), silver("products")


@pytest.fixture
def lake(home: Path) -> str:
    """Two tables of three commits each, the first with a checkpoint before the last two."""
    found = settings().lake
    for table in (BROKEN, WHOLE):
        for number in range(3):
            write_deltalake(table.location(found), pa.table({"id": [number]}), mode="append")
    DeltaTable(WHOLE.location(found)).create_checkpoint()
    return found


def _damage(lake: str, damage: Damage) -> None:
    damage(Path(BROKEN.location(lake)))


@pytest.mark.parametrize("damage", [*OF_LOGS, *OF_FILES])
def test_every_kind_of_damage_is_found(lake: str, damage: Damage) -> None:
    assert damaged_tables(lake) == {}
    _damage(lake, damage)
    assert list(damaged_tables(lake)) == [BROKEN]


def test_commits_that_a_checkpoint_has_are_not_missed(lake: str) -> None:
    log = Path(WHOLE.location(lake)) / "_delta_log"
    (log / f"{0:020}.json").unlink()
    (log / f"{1:020}.json").unlink()
    write_deltalake(WHOLE.location(lake), pa.table({"id": [3]}), mode="append")
    assert damage_of(WHOLE, lake) is None
    assert Table(WHOLE, lake).count_rows() == 4


@pytest.mark.parametrize("damage", [*OF_LOGS, *OF_FILES])
def test_status_names_the_table_and_goes_on_with_the_others(lake: str, damage: Damage) -> None:
    _damage(lake, damage)
    broken, whole = lake_status(lake).tables
    assert (broken.table, broken.rows) == (BROKEN, None)
    assert broken.damage
    assert (whole.table, whole.rows, whole.damage) == (WHOLE, 3, None)


def test_commands_name_the_table_and_the_remedy(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    _damage(lake, cut_the_newest_commit)
    assert main(["status", "--json"]) == 0
    assert [table["damage"] is None for table in json.loads(capsys.readouterr().out)["tables"]] == [False, True]
    assert main(["status"]) == 0
    assert "damaged: silver.contacts: commit 2 of its log is cut or overwritten" in capsys.readouterr().out
    assert main(["doctor"]) == 1
    assert "Run `lakehouse repair silver.contacts`" in capsys.readouterr().out
    assert main(["repair"]) == 1
    assert "lakehouse repair silver.contacts" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [*OF_LOGS[:1], *OF_FILES])
def test_a_query_names_the_table_and_one_of_another_table_succeeds(lake: str, tmp_path: Path, damage: Damage) -> None:
    _damage(lake, damage)
    with run_query("select count(*) from silver.products", lake, tmp_path / "scratch", 60) as found:
        assert list(found.rows()) == [(3,)]
    with (
        pytest.raises(DamagedTableError, match=r"silver\.contacts.*lakehouse repair silver\.contacts"),
        run_query("select * from silver.contacts", lake, tmp_path / "scratch", 60) as found,
    ):
        list(found.rows())


def test_readers_without_an_engine_name_the_table(lake: str) -> None:
    _damage(lake, cut_the_newest_commit)
    with pytest.raises(DamagedTableError, match="commit 2 of its log"):
        Table(BROKEN, lake).rows()
    with pytest.raises(DamagedTableError, match="commit 2 of its log"), open_snapshot([BROKEN], lake):
        pass


def test_a_commit_that_vanished_is_missed_when_a_stage_has_read_it(lake: str) -> None:
    record_progress(silver("identities"), {BROKEN: 2, WHOLE: 2}, "run", lake)
    assert lost_commits(lake) == {}
    (Path(BROKEN.location(lake)) / "_delta_log" / f"{2:020}.json").unlink()
    assert lost_commits(lake) == {BROKEN: "its log ends with commit 1, but commit 2 was read from it"}
    assert [table.table for table in lake_status(lake).tables if table.damage] == [BROKEN]
    forget_versions(BROKEN, "repair", lake)
    assert lost_commits(lake) == {}


def test_a_folder_without_a_table_is_no_damage(lake: str) -> None:
    (Path(lake) / "silver" / "orders").mkdir()
    assert damaged_tables(lake) == {}
    _damage(lake, lose_the_log)
    assert damaged_tables(lake) == {BROKEN: "it has data files, but its log is gone"}
