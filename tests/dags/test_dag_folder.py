"""What the DAG folder holds: exact DAGs and tasks, pools, assets, retries; and that reading it is quick and light."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lakehouse.activation.segments.declared import declared_segments
from lakehouse.contracts import DATASETS
from lakehouse.orchestration import pools
from lakehouse.quality.gate import load_gate
from lakehouse.quality.rules.parameters import Parameters
from lakehouse.tables import Layer
from tests.support.homes import ROOT, Home
from tests.support.lanes import first_fast
from tests.support.programs import Program, program_in

CRM = ("contacts", "consents", "products", "campaigns", "campaign_members", "redemptions")
STAGES = ("extract", "bronze", "silver", "gate")
IDENTITIES = {"identities.resolve", "identities.gate"}
# What fails in a run of pre_send_refresh -> its state, which of three stages ran, and states of tasks that it tells.
REFRESHES: dict[str, tuple[str, list[str], dict[str, str]]] = {
    "gate": ("failed", ["removals"], {"gate_gold": "failed", "preview": "upstream_failed"}),
    "nothing": ("success", ["preview", "export"], {"export": "success", "remove_refused": "skipped"}),
    "request": (
        "failed",
        [],
        {"request": "failed", "refresh.consents": "upstream_failed", "remove_refused": "skipped"},
    ),
    "source": ("failed", ["removals"], {"refresh.contacts": "failed", "refresh.consents": "success"}),
    "source that the campaign does without": (
        "success",
        ["preview", "export"],
        {"refresh.contacts": "success", "export": "success"},
    ),
    "template": ("failed", ["preview", "removals"], {"preview": "failed", "ready": "upstream_failed"}),
    "preview": ("success", ["preview", "export"], {"preview": "success", "export": "success"}),
    "export": ("failed", ["preview", "export"], {"export": "failed", "ready": "success"}),
}


@pytest.fixture(scope="module")
def found(airflow_home: Home) -> dict[str, Any]:
    """In a process of its own: what it loads is looked at."""
    described: dict[str, Any] = program_in(airflow_home, "tests.dags.programs")("describe")
    return described


def _tasks(found: dict[str, Any], dag_id: str) -> dict[str, Any]:
    tasks: dict[str, Any] = found["dags"][dag_id]["tasks"]
    return tasks


def _model_tasks() -> set[str]:
    """Every model of the dbt project, and every segment of segments.yml, as Cosmos names its task."""
    models = {path.stem for path in (ROOT / "dbt_project" / "models").rglob("*.sql")}
    models |= {f"segment_{name}" for name in declared_segments(ROOT / "conf")}
    return {f"models.{model}_run" for model in models}


def test_no_dag_file_fails_to_load(found: dict[str, Any]) -> None:
    assert found["errors"] == {}


def test_tasks_write_for_their_owner_only(found: dict[str, Any]) -> None:
    """Whoever started the scheduler: the umask was 022 before the files were loaded."""
    assert found["umask"] == 0o077


def test_dag_ids_are_these(found: dict[str, Any]) -> None:
    assert set(found["dags"]) == {
        "campaign_calendar",
        "ingest_crm",
        "ingest_transactions",
        "ingest_events",
        "build_profiles",
        "pre_send_refresh",
        "sync_profiles",
    }


def test_task_ids_are_these(found: dict[str, Any]) -> None:
    assert set(_tasks(found, "ingest_crm")) == {
        f"{dataset}.{stage}" for dataset in CRM for stage in STAGES
    } | IDENTITIES | {"watcher"}
    assert set(_tasks(found, "ingest_transactions")) == {f"transactions.{stage}" for stage in STAGES} | IDENTITIES | {
        "watcher"
    }
    assert set(_tasks(found, "ingest_events")) == {f"web_events.{stage}" for stage in STAGES} | {
        "are_delivered",
        "watcher",
    }
    assert (
        set(_tasks(found, "build_profiles"))
        == {"check_gates", "gold_is_outdated", "test", "record_built", "gate_gold", "docs"} | _model_tasks()
    )
    assert set(_tasks(found, "sync_profiles")) == {"sync"}
    assert set(_tasks(found, "campaign_calendar")) == {"due", "begin", "missed"}
    refreshed = {f"refresh.{dataset}" for dataset in (*CRM, "transactions")}
    assert set(_tasks(found, "pre_send_refresh")) == refreshed | IDENTITIES | {
        "request",
        "freshness",
        "build_gold",
        "gate_gold",
        "plan",
        "preview",
        "approve",
        "export",
        "ready",
        "remove_refused",
        "outcome",
        "watcher",
    }


def test_every_dataset_of_the_contracts_is_ingested() -> None:
    assert set(DATASETS) == {*CRM, "transactions", "web_events"}


def test_parsing_is_quick_and_loads_nothing_heavy(found: dict[str, Any]) -> None:
    assert found["heavy"] == []
    assert found["seconds"] < 2


def test_stages_of_a_dataset_follow_each_other(found: dict[str, Any]) -> None:
    tasks = _tasks(found, "ingest_crm")
    assert [tasks[f"contacts.{stage}"]["upstream"] for stage in STAGES] == [
        [],
        ["contacts.extract"],
        ["contacts.bronze"],
        ["contacts.silver"],
    ]


def test_a_failed_dataset_stops_no_other_and_turns_the_run_red(found: dict[str, Any]) -> None:
    tasks = _tasks(found, "ingest_crm")
    assert tasks["identities.resolve"]["upstream"] == sorted(f"{dataset}.gate" for dataset in CRM)
    assert tasks["identities.resolve"]["trigger_rule"] == "all_done"
    assert tasks["watcher"]["trigger_rule"] == "one_failed"
    assert tasks["watcher"]["upstream"] == sorted(
        [*(f"{dataset}.{stage}" for dataset in CRM for stage in STAGES), "identities.gate"]
    )
    assert {tasks[f"{dataset}.{stage}"]["trigger_rule"] for dataset in CRM for stage in STAGES[1:]} == {"all_done"}


def _looked_into(dataset: str) -> set[str]:
    """Datasets whose silver tables the rules of a dataset's gate read, beside its own."""
    read = {table for rule in load_gate(f"silver.{dataset}").rules for table in Parameters("", {}).tables(rule.sql)}
    return {table.name for table in read if table.layer is Layer.SILVER and table.name in DATASETS} - {dataset}


def test_a_gate_follows_silver_of_every_table_that_it_looks_into(found: dict[str, Any]) -> None:
    crm, refresh = _tasks(found, "ingest_crm"), _tasks(found, "pre_send_refresh")
    assert _looked_into("redemptions") == {"campaigns"}
    assert _looked_into("web_events") == set()
    for dataset in (*CRM, "transactions"):
        assert {f"refresh.{other}" for other in _looked_into(dataset)} <= set(
            refresh[f"refresh.{dataset}"]["upstream"]
        ), dataset
    for dataset in CRM:
        gate = crm[f"{dataset}.gate"]
        assert {f"{other}.silver" for other in {dataset, *_looked_into(dataset)}} <= set(gate["upstream"]), dataset
        assert gate["trigger_rule"] == "all_done", (
            "a table that could not be brought up to date keeps no other from being judged"
        )


def test_nothing_is_exported_unless_everything_before_went_well(found: dict[str, Any]) -> None:
    tasks = _tasks(found, "pre_send_refresh")
    assert tasks["build_gold"]["upstream"] == sorted(
        [*(f"refresh.{dataset}" for dataset in (*CRM, "transactions")), "identities.gate"]
    )
    assert [tasks[name]["upstream"] for name in ("gate_gold", "plan", "preview", "approve", "export", "ready")] == [
        ["build_gold"],
        ["gate_gold"],
        ["plan"],
        ["preview"],
        ["approve", "preview"],
        ["export", "preview"],
    ]
    assert tasks["export"]["trigger_rule"] == "none_failed_min_one_success", "nobody has to approve a usual export"
    assert tasks["remove_refused"]["trigger_rule"] == "one_failed"
    assert sorted(tasks["remove_refused"]["upstream"]) == ["approve", "build_gold", "gate_gold", "plan", "preview"]
    assert {tasks[name]["trigger_rule"] for name in ("build_gold", "gate_gold", "plan", "preview", "approve")} == {
        "all_success"
    }
    assert tasks["ready"]["holds_no_worker"], "a platform may take minutes"
    assert tasks["ready"]["trigger_rule"] == "all_done_min_one_success", "one destination may have failed"
    freed = [*(f"refresh.{dataset}" for dataset in (*CRM, "transactions")), "identities.resolve"]
    assert {tasks[name]["trigger_rule"] for name in freed} == {"all_done_min_one_success"}, (
        "a dead source stops no other dataset"
    )
    assert all("freshness" in tasks[name]["upstream"] for name in freed), "a request that was refused stops all of them"


def test_the_outcome_is_told_whatever_failed_and_hides_nothing(found: dict[str, Any]) -> None:
    tasks = _tasks(found, "pre_send_refresh")
    assert (tasks["outcome"]["trigger_rule"], tasks["outcome"]["upstream"]) == (
        "all_done",
        ["ready", "remove_refused"],
    )
    assert tasks["watcher"]["trigger_rule"] == "one_failed"
    assert set(tasks["watcher"]["upstream"]) == set(tasks) - {"watcher", "outcome", "identities.resolve"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "failing", first_fast([["gate"], [failing for failing in REFRESHES if failing != "gate"]]), ids=["gate", "others"]
)
def test_a_run_that_failed_is_red_and_tells_its_outcome(program: Program, failing: list[str]) -> None:
    """An error of a preview that is no mistake in a template stops nothing. The platform is looked at until it shows
    what was sent."""
    for name, done in program("refresh_run", *failing).items():
        ran = [stage for stage in done["ran"] if stage in ("preview", "export", "removals")]
        state, stages, states = REFRESHES[name]
        assert (done["state"], ran) == (state, stages), name
        assert "ready" not in done["ran"] or done["ran"].count("ready") == (2 if name == "nothing" else 1), name
        assert ("extract" in done["ran"]) is (name != "request"), name
        assert states.items() <= done["told"].items(), name


@pytest.mark.slow
def test_the_calendar_begins_a_run_once_a_campaign_and_send_time(program: Program) -> None:
    """Not while pre_send_refresh is paused, where it would wait as queued; then once."""
    done = program("calendar_run")
    assert [ended["begin"] for ended in done["ended"]] == ["failed", "success", "skipped"]
    assert done["begun"] == {
        "calendar__coupon_lovers_new_year__20180105T080000Z": {
            "campaign_id": "coupon_lovers_new_year",
            "send_at": "2018-01-05 08:00:00 UTC",
            "reason": "campaign calendar",
        }
    }


def test_pools_keep_one_writer_a_table(found: dict[str, Any]) -> None:
    assert {name: slots for name, slots in found["pools"].items() if name != "default_pool"} == {
        name: slots for name, (slots, _) in pools.POOLS.items()
    }
    for dag_id in ("ingest_crm", "ingest_transactions"):
        for task_id, task in _tasks(found, dag_id).items():
            group = task_id.split(".")[0]
            assert task["pool"] == {"watcher": "default_pool", "identities": pools.IDENTITIES}.get(
                group, f"write_{group}"
            ), task_id
    for task_id, task in _tasks(found, "pre_send_refresh").items():
        if task_id.startswith("refresh."):
            assert task["pool"] == f"write_{task_id.removeprefix('refresh.')}"
    whole_gold = [_tasks(found, "pre_send_refresh")["build_gold"], _tasks(found, "build_profiles")["test"]]
    assert [(task["pool"], task["slots"]) for task in whole_gold] == [(pools.GOLD, pools.GOLD_SLOTS)] * 2


def test_assets_are_the_tables(found: dict[str, Any]) -> None:
    tasks = _tasks(found, "ingest_crm")
    assert tasks["contacts.gate"]["outlets"] == ["lakehouse://silver/contacts"]
    assert tasks["identities.gate"]["outlets"] == ["lakehouse://silver/identities"]
    assert _tasks(found, "build_profiles")["models.dim_customers_run"]["outlets"] == ["lakehouse://gold/dim_customers"]
    for dag_id in ("pre_send_refresh", "build_profiles"):
        announced = [name for name, task in _tasks(found, dag_id).items() if "lakehouse://gold/" in task["outlets"]]
        assert announced == ["gate_gold"], dag_id
    assert found["dags"]["build_profiles"]["timetable"] == "AssetTriggeredTimetable"


def test_every_dag_explains_itself(found: dict[str, Any]) -> None:
    for dag_id, dag in found["dags"].items():
        assert "| when |" in dag["doc"], dag_id
        assert dag["tags"], dag_id
        assert {task["owner"] for task in dag["tasks"].values()} == {"data-engineering"}, dag_id
        assert dag["max_active_runs"] == (8 if dag_id == "pre_send_refresh" else 1), dag_id


def test_the_trigger_form_offers_the_declared_campaigns(found: dict[str, Any]) -> None:
    params = found["dags"]["pre_send_refresh"]["params"]
    asked = {"campaign_id", "send_at", "destinations", "freshness", "dry_run", "reason"}
    assert set(params) == asked | {"as_of", "full"}
    assert params["destinations"]["items"] == {"type": "string", "enum": ["outbox"]}
    assert "lapsing_high_value_offer" in params["campaign_id"]["enum"]
    assert params["as_of"]["format"] == "date-time"
    assert params["full"]["type"] == "boolean"


@pytest.mark.slow
def test_only_what_may_succeed_later_is_tried_again(found: dict[str, Any], program: Program) -> None:
    assert all(task["has_policy"] for task in _tasks(found, "ingest_crm").values())
    outcome = program("try_again")
    assert outcome == {"state": "failed", "tries": {"data": 1, "engine": 4, "network": 4, "defect": 1}}


@pytest.mark.slow
def test_a_run_in_one_process_tries_again_once(program: Program) -> None:
    outcome = program("try_again", "once")
    assert outcome == {"state": "failed", "tries": {"data": 1, "engine": 2, "network": 2, "defect": 1}}


@pytest.mark.slow
def test_a_model_is_tried_again_when_the_engine_failed_and_not_when_the_data_did(
    found: dict[str, Any], program: Program
) -> None:
    """`found` first: it has the project parsed."""
    outcome = program("dbt_tries")
    assert outcome["tries"] == {"fct_orders": 4, "suppressions": 1, "dim_products": 1}
    assert outcome["errors"]["suppressions"].startswith(
        "suppressions: No space left on device. Make room where LAKEHOUSE_HOME"
    )
    assert (
        "engine: sail is gone" in outcome["errors"]["fct_orders"]
        and "under `fct_orders`" in outcome["errors"]["fct_orders"]
    )
    assert (
        "gold: dim_products: Runtime Error" in outcome["errors"]["dim_products"]
        and "Division by zero" in outcome["errors"]["dim_products"]
    )
    assert _tasks(found, "build_profiles")["test"]["retries"] == 3


@pytest.mark.slow
def test_a_full_refresh_rebuilds_what_this_run_has_not_rebuilt_before(program: Program) -> None:
    configurations = [{}, {"full": True}, {"full": True, "is_rebuilt": True}]
    stages = ("extract", "bronze", "silver")
    assert program("full_windows", json.dumps(configurations)) == [
        dict.fromkeys(stages, rebuilt) | {"gate": gate}
        for rebuilt, gate in ((False, False), (True, True), (False, True))
    ]


def test_an_export_builds_and_checks_gold_again_where_another_run_built_it_since(program: Program) -> None:
    ran = program("export_again")
    gates = ["gate gold.dim_customers", "gate gold.segment_members", "gate gold.suppressions"]
    assert ran == {"own": ["export thanks"], "other": ["gold build", *gates, "export thanks"]}


def test_a_person_is_asked_only_when_a_guard_asks_and_the_answer_is_recorded(program: Program) -> None:
    done = program("approve")
    assert done["nothing asked"] == "No guard asks a person."
    assert done["nobody there"].startswith("Nobody can answer")
    assert (done["asked"]["options"], done["asked"]["defaults"]) == (["Approve", "Reject"], ["Reject"])
    assert done["asked"]["subject"] == "Approve the export of thanks?"
    body = done["asked"]["body"]
    assert "- 120 of the 120 customers at mails would be sent again" in body
    assert "/lakehouse/campaigns/exports/thanks-00002-ab/preview)" in body
    assert "| in time | ready 08:41, deadline 08:55 UTC |" in body
    assert done["decisions"] == [["rejected", "", ""], ["approved", "Ada", "it is meant"]]
    assert done["asked again"] == "No guard asks a person."
    assert done["minutes"] == {"deadline": 14, "far deadline": 720, "past": 1, "none": 120}
