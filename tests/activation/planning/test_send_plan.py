"""The stage `plan`: rows by action, calls, bytes and times as the export then makes them, kept as plan.json."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lakehouse.activation.deadlines import deadline_of
from lakehouse.activation.export import export_campaign
from lakehouse.activation.guards.facts import Fired
from lakehouse.activation.planning.send_plan import PlannedRows, SendPlan
from lakehouse.activation.planning.stage import make_send_plan, plan_campaign
from lakehouse.activation.presend.recorded import receive_request
from lakehouse.activation.records.approvals import Decision
from lakehouse.activation.records.proofs import plan_of, waiting_exports
from lakehouse.orchestration.report.campaign_pages import list_page
from lakehouse.orchestration.report.plan_page import plan_page
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop, customer, shop  # noqa: F401 - a fixture
from tests.activation.sending.accounts import account_at

WINDOW = BatchWindow(AS_OF, AS_OF, "test", AS_OF)
NOW = datetime(2026, 11, 27, 8, 40, tzinfo=UTC)
SEND_AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


def planned_now(shop: Shop) -> SendPlan:  # noqa: F811 - the fixture
    return make_send_plan("thanks", WINDOW)[0]


def test_rows_are_those_that_the_export_then_sends(shop: Shop) -> None:  # noqa: F811 - the fixture
    shop.customers(*(customer(f"c{at}") for at in range(5)), members=["c0", "c1", "c2", "c3"])
    shop.suppress("c3@example.com")
    assert planned_now(shop).rows == PlannedRows(added=3, changed=0, removed=0, unchanged=0, formerly_rejected=0)
    shop.export()
    assert planned_now(shop).rows == PlannedRows(added=0, changed=0, removed=0, unchanged=3, formerly_rejected=0)
    rows = [customer("c0"), customer("c1", first_name="Eve"), *(customer(f"c{at}") for at in (2, 3, 4))]
    shop.customers(*rows, members=["c0", "c1", "c4"])
    planned = planned_now(shop)
    assert planned.rows == PlannedRows(added=1, changed=1, removed=1, unchanged=1, formerly_rejected=0)
    shop.export()
    sent = shop.receipts()[-1]
    assert (planned.export_id, planned.audience, planned.suppressed) == (sent["export_id"], 3, 0)


def test_bytes_are_those_of_the_files(shop: Shop) -> None:  # noqa: F811 - the fixture
    shop.customers(customer("c1", first_name="Zoë"), customer("c2", first_name='A "quoted" name'))
    planned = planned_now(shop)
    assert (planned.calls, planned.seconds < 1, planned.readiness) == ({}, True, "at_once")
    shop.export()
    (batch,) = (shop.home / "outbox").glob("outbox/thanks/*/batches/*.gz")
    assert planned.bytes == len(gzip.decompress(batch.read_bytes()))


@pytest.mark.parametrize(
    ("platform", "calls", "method", "path"),
    [
        ("braze", {"track": 3}, "POST", "/users/track"),
        ("customerio", {"batch": 3}, "POST", "/api/v2/batch"),
        ("iterable", {"bulk": 3}, "POST", "/api/users/bulkUpdate"),
        ("klaviyo", {"import": 3, "job": 3}, "POST", "/api/profile-bulk-import-jobs"),
        ("sendgrid", {"upsert": 3, "others": 3}, "PUT", "/v3/marketing/contacts"),
    ],
)
def test_calls_are_those_that_the_platform_then_receives(
    shop: Shop,  # noqa: F811 - the fixture
    platform: str,
    calls: dict[str, int],
    method: str,
    path: str,
) -> None:
    shop.customers(*(customer(f"c{at}") for at in range(5)))
    with account_at(shop, platform, limits={"rows_per_call": 2}) as there:
        planned = planned_now(shop)
        assert planned.calls == calls
        assert there.requests() == []
        shop.export()
        assert len(there.requests(method, path)) == 3


@pytest.mark.slow
def test_formerly_rejected_are_counted(shop: Shop) -> None:  # noqa: F811 - the fixture
    shop.customers(customer("c1"), customer("c2", first_name="x" * 100_001))
    shop.export()
    assert planned_now(shop).rows == PlannedRows(added=0, changed=0, removed=0, unchanged=1, formerly_rejected=0)
    shop.customers(customer("c1"), customer("c2"))
    assert planned_now(shop).rows == PlannedRows(added=1, changed=0, removed=0, unchanged=1, formerly_rejected=1)


@pytest.mark.slow
def test_it_is_kept_beside_the_manifest_and_only_as_long_as_it_may_come(shop: Shop) -> None:  # noqa: F811 - the fixture
    window = BatchWindow(AS_OF, AS_OF, "run 1", AS_OF)
    (outcome,) = plan_campaign("thanks", window)
    first = SendPlan.read(Path(outcome.notes[1].removeprefix("in ")).parent)
    assert first and (first.run_id, first.deadline, first.rows_at_risk) == ("run 1", None, 0)
    assert outcome.notes[0].startswith("Plan of thanks to outbox: 2 new, 0 changed, 0 removed, 0 unchanged; 0 calls, ")
    export_campaign("thanks", window)
    shop.customers(customer("c1"))
    for _ in range(2):
        plan_campaign("thanks", window)
    shop.customers(customer("c2"))
    plan_campaign("thanks", window)
    kept = sorted((shop.home / "outbox").glob("outbox/thanks/*/plan.json"))
    assert [(path.parent / "manifest.json").exists() for path in kept] == [True, False]
    assert json.loads(kept[0].read_text())["export_id"] == first.export_id
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_the_send_time_is_the_one_that_the_run_was_asked_for(shop: Shop) -> None:  # noqa: F811 - the fixture
    now = datetime.now(UTC).replace(microsecond=0)
    form = {"send_at": f"{now + timedelta(hours=2):%Y-%m-%d %H:%M} UTC"}
    window = BatchWindow(now, now, "run 1", now)
    receive_request("thanks", window, form)
    plan, _ = make_send_plan("thanks", window)
    assert plan.send_at == (now + timedelta(hours=2)).replace(second=0)
    assert plan.deadline == plan.send_at - timedelta(minutes=5)
    assert plan.rows_at_risk == 0
    assert make_send_plan("thanks", WINDOW)[0].deadline is None


@pytest.mark.parametrize(
    ("as_of", "deadline"),
    [
        (NOW, datetime(2026, 11, 27, 8, 55, tzinfo=UTC)),
        (SEND_AT, None),  # the send was over when the run began
        (NOW - timedelta(days=2), None),  # a run about another time
    ],
)
def test_a_deadline_is_for_runs_about_now(as_of: datetime, deadline: datetime | None) -> None:
    assert deadline_of(SEND_AT, timedelta(minutes=5), as_of, NOW) == deadline


def _planned(ready_at: datetime, at_risk: int, deadline: datetime | None) -> SendPlan:
    return SendPlan(
        export_id="thanks-00001-ab",
        campaign_id="thanks",
        platform="mails",
        target_sha256="",
        run_id="",
        made_at=NOW,
        send_at=SEND_AT,
        deadline=deadline,
        rows=PlannedRows(added=1_000, changed=200, removed=34, unchanged=9, formerly_rejected=2),
        audience=2_000,
        holdout=0,
        suppressed=791,
        calls={"import": 2, "job": 2},
        bytes=123_456,
        seconds=0.4,
        settling_seconds=60,
        readiness="job",
        ready_at=ready_at,
        rows_at_risk=at_risk,
    )


def test_it_says_when_it_is_ready_and_what_is_at_risk() -> None:
    deadline = SEND_AT - timedelta(minutes=5)
    plan = _planned(NOW + timedelta(minutes=1), 0, deadline)
    assert plan.sentence == (
        "Plan of thanks to mails: 1,000 new, 200 changed, 34 removed, 9 unchanged; 4 calls, 123,456 bytes;"
        " ready 08:41, deadline 08:55 UTC"
    )
    assert plan.warnings == ()
    late = _planned(NOW + timedelta(days=1), 1_234, deadline)
    assert late.in_time == "ready 2026-11-28 08:40, deadline 2026-11-27 08:55 UTC"
    assert late.warnings == (
        "1,234 of 1,234 rows would not be ready by the deadline (2026-11-27 08:55 UTC): begin earlier, or raise the"
        " limits of account mails",
    )
    assert dict(late.table)["calls"] == "4 (2 import, 2 job)"
    assert dict(_planned(NOW, 0, None).table)["in time"] == "ready 1.0 minutes after it begins; no deadline"


def test_its_page_says_what_has_to_be_approved_and_what_was_decided(tmp_path: Path) -> None:
    plan = _planned(NOW, 0, None)
    assert "Nobody has to approve it." in plan_page(plan, None)
    asked = plan.model_copy(update={"fired": (Fired(guard="full_sync", sentence="<b>100 of 100</b> again"),)})
    page = plan_page(asked, None)
    assert "It waits for approval." in page and "&lt;b&gt;100 of 100&lt;/b&gt; again" in page
    assert "1,000" in page and "thanks-00001-ab" in page
    decided = Decision(False, "ada", NOW, "wrong")
    assert "It was rejected by ada at 2026-11-27 08:40 UTC: wrong." in plan_page(asked, decided)
    folder = tmp_path / "mails" / "thanks" / "thanks-00001-ab"
    asked.write(folder)
    assert (plan_of(tmp_path, "thanks-00001-ab"), plan_of(tmp_path, "*")) == (asked, None)
    assert (waiting_exports(tmp_path), waiting_exports(tmp_path, "other")) == ([folder], [])
    listed = list_page([], waiting_exports(tmp_path))
    assert "exports/thanks-00001-ab/plan" in listed and "exports/thanks-00001-ab/preview" not in listed
