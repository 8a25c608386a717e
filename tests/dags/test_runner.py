"""`lakehouse run` for real: a source that is missing, then mended while a platform is up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

import psutil
import pytest

from tests.support.homes import Home, free_ports
from tests.support.lakes import rows

AS_OF = "2018-01-02T00:00:00Z"
CAMPAIGN = "coupon_lovers_new_year"


class Runs(NamedTuple):
    """A home and the summaries of two runs in it: without the shop's folder, then with it while a platform is up."""

    home: Home
    without: dict[str, Any]
    mended: dict[str, Any]


def _run(home: Home, code: int) -> dict[str, Any]:
    done = home.lakehouse("run", "--campaign", CAMPAIGN, "--as-of", AS_OF, "--json", check=False)
    assert done.returncode == code, done.stderr[-4000:]
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def _airflow_runs(home: Home, database: str) -> int:
    with sqlite3.connect(home.path / "airflow" / database) as connection:
        return int(connection.execute("select count(*) from dag_run").fetchone()[0])


def _pretend_platform_is_up(home: Home) -> None:
    """The record that the platform's supervisor keeps, with this very process in its place."""
    here = psutil.Process()
    record = {"phase": "running", "supervisor": {"pid": here.pid, "born": here.create_time()}, "port": home.ports[2], "parts": {}}
    (home.path / "airflow" / "platform.json").write_text(json.dumps(record), encoding="utf-8")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    home = Home(tmp_path_factory.mktemp("runner"))
    home.lakehouse("sample", "build", "--households", "20")
    home.lakehouse("engine", "start", LAKEHOUSE_ENGINE_PORT=str(free_ports(1)[0]))  # not the one that the run asks for
    shop = home.path / "sample" / "shop"
    shop.rename(shop.with_name("gone"))
    try:
        without = _run(home, 1)
        shop.with_name("gone").rename(shop)
        _pretend_platform_is_up(home)
        yield Runs(home, without, _run(home, 0))
    finally:
        home.lakehouse("engine", "stop", check=False)


def test_a_missing_source_stops_no_other_and_names_the_remedy(runs: Runs) -> None:
    without = runs.without
    assert without["succeeded"] is False
    errors = {f"{failure['dag_id']}.{failure['task_id']}": failure["error"] for failure in without["failures"]}
    assert "does not exist" in errors["ingest_transactions.transactions.extract"]
    assert "sources.yml" in errors["ingest_transactions.transactions.extract"]
    assert not any("watch" in task for task in errors)
    loaded = {stage["table"] for stage in without["stages"] if stage["stage"] == "silver" and stage["rows_loaded"]}
    assert {"silver.contacts", "silver.consents", "silver.products", "silver.campaigns"} <= loaded
    assert without["export"] is None


def test_an_engine_of_other_settings_is_replaced(runs: Runs) -> None:
    found = json.loads(runs.home.lakehouse("engine", "status", "--json").stdout)
    assert (found["state"], found["port"]) == ("running", runs.home.ports[0])


def test_run_again_after_mending_finishes_the_rest(runs: Runs) -> None:
    mended = runs.mended
    assert mended["failures"] == []
    loaded = {stage["table"]: stage["rows_loaded"] for stage in mended["stages"] if stage["stage"] == "bronze" and stage["rows_loaded"]}
    assert set(loaded) == {"bronze.shop_transactions"}
    assert mended["segments"]
    assert mended["export"]["counts"]["exported"] == rows(runs.home.lake, "select count_exported from {ops.exports} order by finished_at limit 1")[0][0]
    assert sum(mended["spent"].values()) == pytest.approx(mended["seconds"])


def test_a_run_beside_the_platform_is_not_taken_up_by_its_scheduler(runs: Runs) -> None:
    assert _airflow_runs(runs.home, "airflow.db") == len(runs.without["run_ids"])
    assert _airflow_runs(runs.home, "run.db") == len(runs.mended["run_ids"])
