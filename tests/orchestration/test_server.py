"""`lakehouse up` for real: Airflow's processes, the scheduler, the REST API with a token, and pages in the menu."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from lakehouse.storage.ops_tables import record
from tests.support import http
from tests.support.alert_hook import AlertHook, alert_hook
from tests.support.homes import ROOT, Home
from tests.support.lakes import rows
from tests.support.main_job import Ran
from tests.support.simulators import TOKEN, Simulated, simulated

pytestmark = pytest.mark.slow

AS_OF = "2018-01-02T00:00:00Z"
CAMPAIGN = "coupon_lovers_new_year"
OTHER_CAMPAIGN = "champions_thank_you"
LATE_CAMPAIGN = "lapsing_high_value_offer"  # its platform shows people late
PATIENCE_SECONDS = 480.0


@dataclass(frozen=True)
class Server:
    """A running Airflow, a platform that skips the first call of an export, and who is alerted; `call` uses the REST
    API of Airflow as a person who logged in."""

    home: Home
    platform: Simulated
    alerts: AlertHook
    address: str
    token: str
    login: dict[str, str]

    def call(self, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        with urllib.request.urlopen(_request(self.address + path, method, body, headers), timeout=30) as answer:
            return json.load(answer)

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Trigger a run and return its id."""
        return str(
            self.call(f"/api/v2/dags/{dag_id}/dagRuns", "POST", {"logical_date": None, "conf": conf})["dag_run_id"]
        )

    def pause(self, dag_id: str, is_paused: bool) -> None:
        self.call(f"/api/v2/dags/{dag_id}", "PATCH", {"is_paused": is_paused})

    def ended(self, dag_id: str, run_type: str, run_id: str | None = None) -> dict[str, Any] | None:
        """The newest run of that type (and id) that has ended, or None."""
        runs: list[dict[str, Any]] = self.call(f"/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after")["dag_runs"]
        wanted = [
            run for run in runs if run["run_type"] == run_type and run["dag_run_id"] == (run_id or run["dag_run_id"])
        ]
        return next((run for run in wanted if run["state"] in ("success", "failed")), None)

    def complaints(self, run: dict[str, Any]) -> list[str]:
        """Tasks of a run that neither succeeded nor had nothing to do."""
        tasks = self.call(f"/api/v2/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]
        return [f"{task['task_id']}: {task['state']}" for task in tasks if task["state"] not in ("success", "skipped")]


def _request(
    url: str, method: str = "GET", body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> urllib.request.Request:
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.Request(url, data, {"Content-Type": "application/json"} | (headers or {}), method=method)


def _wait(what: Callable[[], Any], wanted: str) -> Any:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(1)
    raise AssertionError(f"waited {PATIENCE_SECONDS:.0f} s in vain for {wanted}")


@pytest.fixture(scope="module")
def server(ran: Ran, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Airflow on what the main job left, in a home of its own; only what a test needs is unpaused."""
    folder = tmp_path_factory.mktemp("server")
    skipping = {"fault": "silent_skip", "path": "^POST /users/track", "times": 1}
    with simulated("braze", [skipping]) as platform, alert_hook() as alerts:
        secrets = {"MAILS_KEY": TOKEN, "ALERT_WEBHOOK_URL": alerts.url}
        home = ran.copy_to(Home(folder, variables=secrets | {"LAKEHOUSE_CONF": str(folder / "conf")}))
        _declare(platform, home.path / "conf")
        yield from _started(home, platform, alerts)


def _declare(platform: Simulated, conf: Path) -> None:
    """The configuration as it is, with alerts, and with one campaign that goes to a platform."""
    shutil.copytree(ROOT / "conf", conf)
    account = {"destination": "braze", "base_url": platform.url, "secret": "${MAILS_KEY}"}
    (conf / "destinations.yml").write_text(json.dumps({"accounts": {"mails": account}}), encoding="utf-8")
    (conf / "alerts.yml").write_text(json.dumps({"webhook": "${ALERT_WEBHOOK_URL}"}), encoding="utf-8")
    campaigns = yaml.safe_load((conf / "campaigns.yml").read_text(encoding="utf-8"))
    campaigns["campaigns"][LATE_CAMPAIGN] |= {"platform": "mails", "segment": "coupon_lovers"}
    (conf / "campaigns.yml").write_text(json.dumps(campaigns, default=str), encoding="utf-8")


def _started(home: Home, platform: Simulated, alerts: AlertHook) -> Iterator[Server]:
    home.lakehouse("engine", "start", LAKEHOUSE_ENGINE_OPEN="true")  # `up` replaces an engine of other settings
    shown = json.loads(home.lakehouse("up", "--json").stdout)
    try:
        login = {"username": shown["login"], "password": shown["password"]}
        with urllib.request.urlopen(_request(f"{shown['address']}/auth/token", "POST", login), timeout=30) as answer:
            started = Server(home, platform, alerts, shown["address"], json.load(answer)["access_token"], login)
        declared = len(list((ROOT / "dags").glob("[!_]*.py")))
        _wait(lambda: started.call("/api/v2/dags")["total_entries"] == declared, f"{declared} DAGs")
        yield started
    finally:
        home.lakehouse("down")


@pytest.mark.timeout(900)
def test_a_delivery_goes_through_the_scheduler_to_profiles(server: Server) -> None:
    newest = sorted((server.home.path / "sample" / "shop" / "transactions").glob("*.csv"))[-1]
    header, line = newest.read_text(encoding="utf-8").splitlines()[:2]
    (newest.parent / "late.csv").write_text(
        f"{header}\n{line.replace(line.split(',')[0], 'late-basket', 1)}\n", encoding="utf-8"
    )
    orders = rows(server.home.lake, "select count(*) from {gold.fct_orders}")[0][0]

    server.pause("build_profiles", False)
    server.pause("ingest_transactions", False)  # the scheduler starts the newest window by itself
    load = _wait(lambda: server.ended("ingest_transactions", "scheduled"), "ingest_transactions to end")
    server.pause("ingest_transactions", True)
    assert (load["state"], server.complaints(load)) == ("success", [])

    build = _wait(
        lambda: server.ended("build_profiles", "asset_triggered"), "build_profiles, started by the asset, to end"
    )
    server.pause("build_profiles", True)
    assert (build["state"], server.complaints(build)) == ("success", [])
    # Only now: Airflow 3.3.2 answers 500 while a run that an event made has not started.
    events = server.call("/api/v2/assets/events?limit=100&order_by=-timestamp")["asset_events"]
    assert "lakehouse://silver/transactions" in {
        event["uri"] for event in events if event["source_run_id"] == load["dag_run_id"]
    }
    assert rows(server.home.lake, "select count(*) from {gold.fct_orders}")[0][0] == orders + 1


@pytest.mark.timeout(900)
def test_a_backfill_runs_once_per_window_and_loads_nothing_twice(server: Server) -> None:
    loaded = "select coalesce(sum(count_loaded), 0) from {ops.runs} where stage = 'bronze'"
    before = rows(server.home.lake, loaded)[0][0]
    server.pause("ingest_transactions", False)
    range_of_one = {"from_date": "2017-12-30T22:15:00Z", "to_date": "2017-12-30T22:15:00Z"}
    server.call(
        "/api/v2/backfills",
        "POST",
        {"dag_id": "ingest_transactions", "max_active_runs": 1, "dag_run_conf": {}} | range_of_one,
    )
    run = _wait(lambda: server.ended("ingest_transactions", "backfill"), "the backfill to end")
    server.pause("ingest_transactions", True)
    assert (run["state"], server.complaints(run)) == ("success", [])
    assert (run["data_interval_start"], run["data_interval_end"]) == ("2017-12-30T22:15:00Z", "2017-12-30T23:15:00Z")
    assert rows(server.home.lake, loaded)[0][0] == before


@pytest.mark.timeout(900)
def test_a_person_approves_an_export_that_a_guard_asks_about(server: Server) -> None:
    """A source that always had rows has brought none: the run waits until somebody answers, and keeps no other
    campaign waiting."""
    lake = str(server.home.lake)
    deliveries = [(f"{at}.csv", count) for at, count in enumerate((5, 5, 5, 0))]
    record("files", [_delivery(name, count, at) for at, (name, count) in enumerate(deliveries)], lake)
    server.pause("pre_send_refresh", False)
    run_id = server.trigger("pre_send_refresh", {"campaign_id": CAMPAIGN, "as_of": AS_OF})
    task = f"/api/v2/dags/pre_send_refresh/dagRuns/{run_id}/taskInstances/approve"
    _wait(lambda: server.call(task)["state"] == "awaiting_input", "the question")
    asked = server.call(f"{task}/-1/hitlDetails")
    assert "the newest delivery of contacts from guard_test (3.csv) has no rows" in asked["body"]
    assert asked["defaults"] == ["Reject"] and asked["options"] == ["Approve", "Reject"]
    plan, _ = _get(server, f"/lakehouse/campaigns/exports/{asked['body'].rsplit('`', 2)[1]}/plan")
    assert "It waits for approval." in plan and "@example.com" not in plan
    other = {"campaign_id": OTHER_CAMPAIGN, "as_of": AS_OF, "dry_run": True}
    meanwhile = server.trigger("pre_send_refresh", other)
    ended = _wait(lambda: server.ended("pre_send_refresh", "manual", meanwhile), "the other campaign to end")
    assert (ended["state"], server.complaints(ended)) == ("success", [])
    assert server.call(task)["state"] == "awaiting_input"
    answer = {"chosen_options": ["Approve"], "params_input": {"why": "the source is switched off"}}
    server.call(f"{task}/-1/hitlDetails", "PATCH", answer)
    refresh = _wait(lambda: server.ended("pre_send_refresh", "manual", run_id), "pre_send_refresh to end")
    record("files", [_delivery("4.csv", 5, 4)], lake)  # for the tests after it
    assert (refresh["state"], server.complaints(refresh)) == ("success", [])
    decided = rows(server.home.lake, "select export_id, decision, decided_by, reason from {ops.approvals}")
    made = rows(server.home.lake, f"select export_id from {{ops.exports}} where campaign_id = '{CAMPAIGN}'")
    assert decided == [(made[0][0], "approved", "admin", "the source is switched off")]
    receipt, _ = _get(server, f"/lakehouse/campaigns/exports/{made[0][0]}")
    assert "approved by admin at " in receipt and "the source is switched off" in receipt


def _delivery(name: str, count: int, day: int) -> dict[str, Any]:
    return {
        "run_id": "test",
        "source": "guard_test",
        "dataset": "contacts",
        "file_name": name,
        "content_sha256": name,
        "outcome": "landed",
        "reason": None,
        "rows": count,
        "recorded_at": datetime(2018, 1, 1 + day, tzinfo=UTC),
    }


@pytest.mark.timeout(900)
def test_a_campaign_manager_triggers_the_refresh(server: Server) -> None:
    runs = "/api/v2/dags/pre_send_refresh/dagRuns"
    begun = server.call(runs)["total_entries"]
    for conf, says in (
        ({"campaign_id": "no_such_campaign"}, "'no_such_campaign' is not one of"),
        ({"send_at": "tomorrow"}, "send request: send_at 'tomorrow' is not a valid time. Expected: a local time and"),
        ({"send_at": "2017-12-01 09:00 UTC"}, "is before the as-of time of the run"),
        ({"freshness": ["no_such_source=6h"]}, "there is no source 'no_such_source'"),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            server.trigger("pre_send_refresh", {"campaign_id": CAMPAIGN, "as_of": AS_OF} | conf)
        assert refused.value.code == 400 and says in json.load(refused.value)["detail"]
    assert server.call(runs)["total_entries"] == begun, "no run begins"
    count_exports = "select count(*) from {ops.exports}"
    before = rows(server.home.lake, count_exports)[0][0]
    server.pause("pre_send_refresh", False)
    run_id = server.trigger("pre_send_refresh", {"campaign_id": CAMPAIGN, "as_of": AS_OF})
    refresh = _wait(lambda: server.ended("pre_send_refresh", "manual", run_id), "pre_send_refresh to end")
    assert (refresh["state"], server.complaints(refresh)) == ("success", [])
    assert rows(server.home.lake, count_exports)[0][0] == before + 1


@pytest.mark.timeout(900)
def test_who_waits_for_a_platform_holds_no_worker(server: Server) -> None:
    """The platform has taken everybody and shows nobody, until it has applied what it took."""
    server.pause("pre_send_refresh", False)
    run_id = server.trigger("pre_send_refresh", {"campaign_id": LATE_CAMPAIGN, "as_of": AS_OF})
    task = f"/api/v2/dags/pre_send_refresh/dagRuns/{run_id}/taskInstances/ready"
    _wait(lambda: server.call(task)["state"] == "up_for_reschedule", "a look that finds nobody")
    sent = f"select customer_id from {{ops.export_records}} where export_id like '{LATE_CAMPAIGN}%'"
    applied = [{"external_id": who, f"audience_{LATE_CAMPAIGN}": True} for (who,) in rows(server.home.lake, sent)]
    answer = http.post(
        f"{server.platform.url}/users/track", json={"attributes": applied}, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert answer.is_success and applied
    refresh = _wait(lambda: server.ended("pre_send_refresh", "manual", run_id), "pre_send_refresh to end")
    assert (refresh["state"], server.complaints(refresh)) == ("success", [])
    told = "select status, message from {ops.runs} where stage = 'ready' and ends_with(run_id, '" + run_id + "')"
    ((status, message),) = rows(server.home.lake, told)
    assert status == "success" and "seconds after the export ended" in message
    made = f"select export_id from {{ops.exports}} where campaign_id = '{LATE_CAMPAIGN}'"
    ((export_id,),) = rows(server.home.lake, made)
    receipt, _ = _get(server, f"/lakehouse/campaigns/exports/{export_id}")
    assert "usable there since" in receipt


@pytest.mark.timeout(900)
def test_a_run_that_is_not_done_when_its_send_comes_near_is_told(server: Server) -> None:
    """Also one that has not even begun: everything has to be ready five minutes before the send."""
    server.pause("pre_send_refresh", True)
    send_at = f"{datetime.now(UTC) + timedelta(minutes=5, seconds=5):%Y-%m-%d %H:%M:%S} UTC"
    run_id = server.trigger("pre_send_refresh", {"campaign_id": LATE_CAMPAIGN, "send_at": send_at})
    of_run = f"pre_send_refresh.{run_id}"

    def told() -> list[Any]:
        return [body for _, body in server.alerts.received if body["run_id"] == of_run]

    (alert,) = _wait(told, "the alert")
    assert alert["subject"] == f"Campaign {LATE_CAMPAIGN} should be ready for its send by now and is not"
    assert alert["link"].startswith(f"{server.address}/dags/pre_send_refresh/runs/manual__")
    server.call(f"/api/v2/dags/pre_send_refresh/dagRuns/{run_id}", "PATCH", {"state": "failed"})


@pytest.mark.timeout(900)
def test_the_example_of_the_docs_asks_for_a_run_over_the_rest_api(server: Server) -> None:
    """As it is written, with Airflow's official client."""
    page = (ROOT / "docs" / "pre-send.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    login = {"AIRFLOW_LOGIN": server.login["username"], "AIRFLOW_PASSWORD": server.login["password"]}
    environment = server.home.environment(AIRFLOW_ADDRESS=server.address, **login)
    done = subprocess.run(
        [sys.executable, "-c", example], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    run_id, state = done.stdout.split()
    assert state == "success"
    asked = "select is_dry_run, reason, send_at from {ops.send_requests} where ends_with(run_id, '" + run_id + "')"
    ((is_dry_run, reason, send_at),) = rows(server.home.lake, asked)
    assert (is_dry_run, reason, send_at.isoformat()) == (
        True,
        "asked by another program",
        "2018-01-05T13:00:00+00:00",
    )


def test_up_names_the_dags_in_which_a_triggered_run_waits(server: Server) -> None:
    for is_paused in (True, False):
        server.pause("pre_send_refresh", is_paused)
        paused = json.loads(server.home.lakehouse("up", "--json").stdout)["paused"]
        assert ("pre_send_refresh" in paused) is is_paused
        assert "ingest_crm" in paused
    assert "waits as queued" in server.home.lakehouse("up").stdout


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("/lakehouse/dbt/index.html", b"One row per customer_id"),
        ("/lakehouse/data_docs/index.html", b"silver.contacts"),
        ("/lakehouse/campaigns/index.html", CAMPAIGN.encode()),
    ],
)
def test_pages_are_in_the_menu_for_who_is_logged_in(server: Server, page: str, words: bytes) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(server.address + page, timeout=30)
    assert refused.value.code == 401
    login = {"Authorization": f"Bearer {server.token}"}
    with urllib.request.urlopen(_request(server.address + page, headers=login), timeout=30) as answer:
        content, sent = answer.read(), answer.headers
    for headers in (sent, refused.value.headers):
        assert (headers["X-Content-Type-Options"], headers["X-Frame-Options"]) == ("nosniff", "SAMEORIGIN")
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert ("script-src" in sent["Content-Security-Policy"]) == ("/dbt/" in page)
    assert b"<html" in content.lower()
    assert words in content
    menu = [view["href"] for plugin in server.call("/api/v2/plugins")["plugins"] for view in plugin["external_views"]]
    assert page in menu


def _get(server: Server, path: str, is_logged_in: bool = True) -> tuple[str, Any]:
    headers = {"Authorization": f"Bearer {server.token}"} if is_logged_in else {}
    with urllib.request.urlopen(_request(server.address + path, headers=headers), timeout=30) as answer:
        return answer.read().decode(), answer.headers


def test_a_campaign_leads_to_its_receipt_and_its_preview(server: Server) -> None:
    """After the refresh above: the preview that its task made is beside the receipt of its export."""
    listed, _ = _get(server, f"/lakehouse/campaigns/index.html?campaign={CAMPAIGN}")
    newest = listed.split('href="exports/')[1].split('"')[0]
    receipt, _ = _get(server, f"/lakehouse/campaigns/exports/{newest}")
    assert "of campaign coupon_lovers_new_year to outbox" in receipt
    assert "gold.suppressions" in receipt
    assert "@example.com" not in listed + receipt
    preview, headers = _get(server, f"/lakehouse/campaigns/exports/{newest}/preview")
    assert f"Preview of {CAMPAIGN}" in preview
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "script-src" not in headers["Content-Security-Policy"]
    for path in (f"/lakehouse/campaigns/exports/{newest}", f"/lakehouse/campaigns/exports/{newest}/preview"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            _get(server, path, is_logged_in=False)
        assert refused.value.code == 401
        assert "@example.com" not in refused.value.read().decode()


@pytest.mark.parametrize(
    "path",
    [
        "/lakehouse/campaigns/exports/no_such_export",
        "/lakehouse/campaigns/exports/*/preview",
        "/lakehouse/campaigns/exports/..%2f..%2fairflow/preview",
        "/lakehouse/dbt/../../airflow/passwords.json",
        "/lakehouse/dbt/%2e%2e/%2e%2e/airflow/passwords.json",
        "/lakehouse/logs/x",
    ],
)
def test_pages_lead_nowhere_else(server: Server, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(
            _request(server.address + path, headers={"Authorization": f"Bearer {server.token}"}), timeout=30
        )
    assert refused.value.code == 404


def test_a_wrong_password_does_not_get_in(server: Server) -> None:
    for wrong in ("admin", ""):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(
                _request(f"{server.address}/auth/token", "POST", {"username": "admin", "password": wrong}), timeout=30
            )
        assert refused.value.code in (400, 401)


def test_it_listens_on_loopback_only_and_starting_again_changes_nothing(server: Server) -> None:
    before = json.loads(server.home.lakehouse("up", "--json").stdout)["parts"]
    assert set(before) == {"api-server", "scheduler", "dag-processor", "triggerer"}
    assert json.loads(server.home.lakehouse("up", "--json").stdout)["parts"] == before
    listening = {
        connection.laddr.ip
        for pid in before.values()
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


@pytest.mark.parametrize("part", ["triggerer", "scheduler"])
def test_a_part_that_is_killed_is_restarted_and_leaves_nothing(server: Server, part: str) -> None:
    first = json.loads(server.home.lakehouse("up", "--json").stdout)["parts"][part]
    children = psutil.Process(first).children(recursive=True)
    psutil.Process(first).kill()
    again = _wait(
        lambda: json.loads(server.home.lakehouse("up", "--json").stdout)["parts"].get(part, first) != first,
        f"another {part}",
    )
    assert again
    assert [child.pid for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


def test_down_leaves_no_process_behind(server: Server) -> None:
    parts = json.loads(server.home.lakehouse("up", "--json").stdout)["parts"]
    trees = [
        tree for pid in parts.values() for tree in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
    ]
    assert json.loads(server.home.lakehouse("down", "--json").stdout)["state"] == "stopped"
    assert [process.pid for process in trees if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_taken_port_is_named_with_its_setting(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", home.ports[1]))
        taken.listen()
        try:
            done = home.lakehouse("up", check=False)
        finally:
            home.lakehouse("down")
    assert done.returncode == 1
    assert f"port {home.ports[1]}" in done.stderr
    assert "LAKEHOUSE_AIRFLOW_PORT" in done.stderr
