"""`lakehouse run` for real: some sources failing, then fixed while servers are up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

import psutil
import pytest
import yaml

from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.contracts import DATASETS
from lakehouse.engine.state import read_state
from tests.support.homes import Home, free_ports
from tests.support.lakes import rows

pytestmark = pytest.mark.slow

AS_OF = "2018-01-02T00:00:00Z"
CAMPAIGN = "coupon_lovers_new_year"
FAILING_MAPPING = "string(cast(name as int))"
CANARY = "canary7@leak.example"
CANARY_KEY = "canarykey7-0123456789"


class Runs(NamedTuple):
    """A home and the summaries of two runs in it: without the shop's folder and with two more sources that fail, and
    with everything right while Airflow's servers are up."""

    home: Home
    without: dict[str, Any]
    fixed: dict[str, Any]


def _run(home: Home, code: int) -> dict[str, Any]:
    environment = {"LAKEHOUSE_CONF": str(home.path / "conf"), "CANARY_KEY": CANARY_KEY}
    done = home.lakehouse("run", "--campaign", CAMPAIGN, "--as-of", AS_OF, "--json", check=False, **environment)
    (home.path / "logs" / f"terminal-{code}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    assert done.returncode == code, done.stderr[-4000:]
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def _airflow_runs(home: Home, database: str) -> int:
    with sqlite3.connect(home.path / "airflow" / database) as connection:
        return int(connection.execute("select count(*) from dag_run").fetchone()[0])


def _pretend_servers_are_up(home: Home) -> None:
    """The record that the servers' supervisor keeps, with this very process in its place."""
    here = psutil.Process()
    record = {
        "phase": "running",
        "supervisor": {"pid": here.pid, "born": here.create_time()},
        "port": home.ports[1],
        "parts": {},
    }
    (home.path / "airflow" / "servers.json").write_text(json.dumps(record), encoding="utf-8")


def _declare_an_outlet(home: Home) -> None:
    """A second source of transactions beside the shop; it delivers one line."""
    (home.path / "conf").mkdir()
    for name in ("sources.yml", "campaigns.yml"):
        (home.path / "conf" / name).write_text(
            (PROJECT_ROOT / "conf" / name).read_text(encoding="utf-8"), encoding="utf-8"
        )
    sources = yaml.safe_load((home.path / "conf" / "sources.yml").read_text(encoding="utf-8"))
    sources["sources"]["outlet"] = sources["sources"]["shop"] | {"location": "sample/outlet"}
    (home.path / "conf" / "sources.yml").write_text(yaml.safe_dump(sources, sort_keys=False), encoding="utf-8")
    first = sorted((home.path / "sample" / "shop" / "transactions").glob("*.csv"))[0]
    header, line = first.read_text(encoding="utf-8").splitlines()[:2]
    folder = home.path / "sample" / "outlet" / "transactions"
    folder.mkdir(parents=True)
    (folder / "day.csv").write_text(
        f"{header}\n{line.replace(line.split(',')[0], 'outlet-basket', 1)}\n", encoding="utf-8"
    )


def _declare_leaks(home: Home) -> str:
    """Two more sources with an address in what they deliver: an API that is down, a mapping that fails on it; returns
    the declarations without the API and with the mapping corrected."""
    declared = home.path / "conf" / "sources.yml"
    mapping = {"product_id": "id", "name": {"expression": FAILING_MAPPING}}
    sources = yaml.safe_load(declared.read_text(encoding="utf-8"))
    sources["sources"]["club"] = {
        "kind": "files",
        "location": "club",
        "datasets": {"products": {"files": "*.csv", "format": "csv", "load": "full", "mapping": mapping}},
    }
    later = yaml.safe_dump(sources, sort_keys=False).replace(FAILING_MAPPING, "name")
    asked = {"path": "used", "params": {"api_key": "${CANARY_KEY}", "owner": CANARY}, "pagination": {"kind": "none"}}
    columns = {column.name: column.name for column in DATASETS["redemptions"].delivered if column.required}
    sources["sources"]["points"] = {
        "kind": "rest",
        "base_url": f"http://me:${{CANARY_KEY}}@127.0.0.1:{free_ports(1)[0]}/",
        "attempts": 2,
        "longest_wait_seconds": 0.1,
        "datasets": {"redemptions": asked | {"mapping": columns, "load": "full"}},
    }
    declared.write_text(yaml.safe_dump(sources, sort_keys=False), encoding="utf-8")
    (home.path / "club").mkdir()
    (home.path / "club" / "p.csv").write_text(f"id,name\nclub-1,{CANARY}\n", encoding="utf-8")
    return later


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    home = Home(tmp_path_factory.mktemp("runner"))  # a new one: its first run prepares everything by itself
    home.lakehouse("sample", "build", "--households", "20")
    home.lakehouse("engine", "start", LAKEHOUSE_ENGINE_OPEN="true")  # not as the run asks for it
    _declare_an_outlet(home)
    shop = home.path / "sample" / "shop"
    try:
        shop.rename(shop.with_name("gone"))
        declared = _declare_leaks(home)
        without = _run(home, 1)
        (home.path / "conf" / "sources.yml").write_text(declared, encoding="utf-8")
        shop.with_name("gone").rename(shop)
        _pretend_servers_are_up(home)
        yield Runs(home, without, _run(home, 0))
    finally:
        home.lakehouse("engine", "stop", check=False)


def _errors(summary: dict[str, Any]) -> dict[str, str]:
    return {f"{failure['dag_id']}.{failure['task_id']}": failure["error"] for failure in summary["failures"]}


def test_a_missing_source_stops_no_other_and_names_the_remedy(runs: Runs) -> None:
    without, errors = runs.without, _errors(runs.without)
    assert without["succeeded"] is False
    missing = {"ingest_transactions.transactions.extract", "pre_send_refresh.refresh.transactions"}
    for task in missing:
        assert "does not exist" in errors[task] and "sources.yml" in errors[task]
    leaking = {f"pre_send_refresh.refresh.{name}" for name in ("products", "redemptions")}
    leaking |= {"ingest_crm.products.silver", "ingest_crm.redemptions.extract"}
    assert set(errors) == missing | leaking
    loaded = {stage["table"] for stage in without["stages"] if stage["stage"] == "silver" and stage["count_loaded"]}
    assert {"silver.contacts", "silver.consents", "silver.campaigns"} <= loaded
    assert without["export"] is None


def test_no_address_or_key_is_in_what_anybody_reads_of_a_run(runs: Runs) -> None:
    errors, home = _errors(runs.without), runs.home
    assert "the expression for name" in errors["ingest_crm.products.silver"]
    assert "cannot be reached: ConnectionError" in errors["ingest_crm.redemptions.extract"]
    read = {
        path: path.read_bytes()
        for folder in ("logs", "airflow", "docs", "outbox", "engine")
        for path in (home.path / folder).rglob("*")
        if path.is_file()
    }
    assert any(path.suffix == ".db" for path in read) and any(path.name.startswith("run-") for path in read)
    told = {name: str(rows(home.lake, f"select * from {{ops.{name}}}")) for name in ("runs", "files", "exports")}
    told["quality_results"] = str(rows(home.lake, "select * from {ops.quality_results}"))
    leaks = [str(path) for path, content in read.items() if b"canary" in content.replace(b"CANARY_KEY", b"")]
    assert leaks + [name for name, text in told.items() if "canary" in text] == []


def test_another_source_of_the_same_dataset_is_loaded_up_to_silver(runs: Runs) -> None:
    loaded = {
        (stage["dag_id"], stage["stage"], stage["table"]): stage["count_loaded"] for stage in runs.without["stages"]
    }
    assert loaded["ingest_transactions", "bronze", "bronze.outlet_transactions"] == 1
    assert loaded["ingest_transactions", "silver", "silver.transactions"] == 1
    assert ("pre_send_refresh", "silver", "silver.transactions") in loaded
    assert ("pre_send_refresh", "gate", "silver.transactions") in loaded


def test_an_engine_of_other_settings_is_replaced(runs: Runs) -> None:
    found = json.loads(runs.home.lakehouse("engine", "status", "--json").stdout)
    assert found["state"] == "running"
    state = read_state(runs.home.path)
    assert state is not None
    assert state.port == 0


def test_run_again_after_a_fix_finishes_the_rest(runs: Runs) -> None:
    fixed = runs.fixed
    assert fixed["failures"] == []
    loaded = {
        stage["table"]: stage["count_loaded"]
        for stage in fixed["stages"]
        if stage["stage"] == "bronze" and stage["count_loaded"]
    }
    assert set(loaded) == {"bronze.shop_transactions"}
    assert fixed["segments"]
    assert (
        fixed["export"]["counts"]["exported"]
        == rows(runs.home.lake, "select count_exported from {ops.exports} order by finished_at limit 1")[0][0]
    )
    assert sum(fixed["spent"].values()) == pytest.approx(fixed["seconds"])


def test_a_run_beside_the_servers_is_not_taken_up_by_its_scheduler(runs: Runs) -> None:
    assert _airflow_runs(runs.home, "airflow.db") == len(runs.without["run_ids"])
    assert _airflow_runs(runs.home, "run.db") == len(runs.fixed["run_ids"])
