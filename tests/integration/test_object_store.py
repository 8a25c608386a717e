"""Dumps on an object store and the lake on it: the same tables as on a disk, and nothing to do a second time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from lakehouse.config.settings import PROJECT_ROOT
from tests.support.lakes import WRITE_TIME_COLUMNS, difference, result_tables
from tests.support.main_job import Undisturbed, do_data_work
from tests.support.object_store import object_store

pytestmark = pytest.mark.slow

BUCKET = "mail"
WHEN_AND_WHENCE = WRITE_TIME_COLUMNS | {"_source_file", "_row_number"}


def test_dumps_and_lake_on_s3(undisturbed: Undisturbed, tmp_path: Path) -> None:
    home, conf = undisturbed.another_home(tmp_path / "home"), tmp_path / "conf"
    (tmp_path / "store").mkdir()
    with object_store(tmp_path / "store", BUCKET) as store:
        store.files().put(
            str(_dumps(undisturbed.home.path / "sample", tmp_path / "dumps")), f"{BUCKET}/dumps", recursive=True
        )
        _declare_dumps_on_s3(conf)
        variables = store.environment | {"LAKEHOUSE_CONF": str(conf), "LAKEHOUSE_LAKE_ROOT": f"s3://{BUCKET}/lake"}
        try:
            do_data_work(home, **variables)
            store.files().get(f"{BUCKET}/lake", str(tmp_path / "lake"), recursive=True)
            do_data_work(home, **variables)
            # Of events none came; they have no extract and no bronze.
            stages = "stage in ('extract', 'bronze', 'silver') and table_name <> 'silver.web_events'"
            query = f"select message, count(*) as n from ops.runs where {stages} group by message order by n"
            runs = json.loads(home.lakehouse("sql", query, "--format", "json", **variables).stdout)
        finally:
            home.lakehouse("engine", "stop", check=False, **variables)
    names = result_tables(undisturbed.home.lake)
    assert names == result_tables(tmp_path / "lake")
    assert {
        name: found
        for name in names
        if (found := difference(undisturbed.home.lake, tmp_path / "lake", name, WHEN_AND_WHENCE))
    } == {}
    stages = 3 * 7
    assert {row["message"]: row["n"] for row in runs} == {None: stages, "nothing new": stages}
    assert not home.lake.exists()


def _dumps(sample: Path, folder: Path) -> Path:
    """The sample with its 365 daily files as one: a request for each of them would take most of the test's time."""
    shutil.copytree(sample, folder, ignore=shutil.ignore_patterns("transactions"))
    daily = [
        path.read_text().splitlines(keepends=True) for path in sorted((sample / "shop" / "transactions").glob("*.csv"))
    ]
    whole = folder / "shop" / "transactions" / "2017.csv"
    whole.parent.mkdir()
    whole.write_text("".join([daily[0][0], *(line for lines in daily for line in lines[1:])]))
    return folder


def _declare_dumps_on_s3(conf: Path) -> None:
    """The project's configuration, with every location of sources moved from <home>/sample to the bucket."""
    declared = yaml.safe_load((PROJECT_ROOT / "conf" / "sources.yml").read_text())
    for source in declared["sources"].values():
        source["location"] = source["location"].replace("sample", f"s3://{BUCKET}/dumps", 1)
    shutil.copytree(PROJECT_ROOT / "conf", conf)
    (conf / "sources.yml").write_text(yaml.safe_dump(declared))
