"""When the run of a campaign has to begin, and what of the calendar is due."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakehouse.activation.accounts.declared import Account
from lakehouse.activation.presend.calendar import Due, MissedSendError, Send, due, look
from lakehouse.activation.presend.lead_time import lead_time, lead_time_of, time_at_limits
from lakehouse.activation.presend.recorded import receive_request, requested_campaign
from lakehouse.storage.ops_tables import record
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop

MINUTE = timedelta(minutes=1)
NOW = datetime(2018, 1, 5, 7, 0, tzinfo=UTC)
SEND_AT = datetime(2018, 1, 5, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("durations", "at_limits", "ready_before", "minutes"),
    [
        ([], 0, 0, 60),
        ([], 10, 15, 85),
        ([20], 0, 0, 30),
        ([8, 20, 10], 12, 5, 47),
        ([8, 8, 8, 8, 8, 600], 0, 0, 12),
    ],
)
def test_lead_time(durations: list[int], at_limits: int, ready_before: int, minutes: int) -> None:
    """The longest of the last five and half of it, everybody at the limits, and what the campaign wants on top."""
    past = [each * MINUTE for each in durations]
    assert lead_time(past, at_limits * MINUTE, ready_before * MINUTE) == minutes * MINUTE


def test_time_at_the_limits_of_a_platform() -> None:
    account = {"destination": "klaviyo", "secret": "${KEY}", "limits": {"calls_per_second": 0.5, "rows_per_call": 10}}
    needed = time_at_limits(1_000, Account.model_validate(account))
    assert timedelta(seconds=198) <= needed <= timedelta(seconds=198 + 300), (
        "100 calls, one in two seconds, and readiness"
    )
    assert time_at_limits(50_000, None) == timedelta(seconds=10)
    assert time_at_limits(0, None) == timedelta()


def _send(send_at: datetime = SEND_AT, minutes: int = 60, campaign_id: str = "thanks") -> Send:
    return Send(campaign_id, send_at, minutes * MINUTE)


def test_a_run_is_named_by_campaign_and_time() -> None:
    assert _send().run_id == "calendar__thanks__20180105T080000Z"


@pytest.mark.parametrize(
    ("now", "looked_at", "begins", "is_late", "is_missed"),
    [
        (NOW - MINUTE, NOW - 6 * MINUTE, False, False, False),
        (NOW, NOW - 5 * MINUTE, True, False, False),
        (NOW + 20 * MINUTE, NOW + 15 * MINUTE, True, True, False),
        (SEND_AT, SEND_AT - 5 * MINUTE, False, False, True),
        (SEND_AT + 4 * MINUTE, SEND_AT - MINUTE, False, False, True),
        (SEND_AT + 4 * MINUTE, SEND_AT, False, False, False),
        (SEND_AT + timedelta(hours=23), SEND_AT - timedelta(days=9), False, False, True),
        (SEND_AT + timedelta(hours=25), SEND_AT - timedelta(days=9), False, False, False),
    ],
)
def test_what_is_due(now: datetime, looked_at: datetime, begins: bool, is_late: bool, is_missed: bool) -> None:
    found = due([_send()], frozenset(), looked_at, now)
    assert (bool(found.begin), bool(found.late), bool(found.missed)) == (begins, is_late, is_missed)


def test_what_has_begun_is_not_due_again_unless_it_has_another_time() -> None:
    later = _send(SEND_AT + timedelta(minutes=30), 120)
    for now in (NOW, SEND_AT):
        assert due([_send()], {_send().run_id}, NOW - 5 * MINUTE, now) == Due((), (), ())
    found = due([later, _send(), _send(campaign_id="offer")], {_send().run_id}, NOW - 5 * MINUTE, NOW)
    assert [send.run_id for send in found.begin] == [
        "calendar__offer__20180105T080000Z",
        "calendar__thanks__20180105T083000Z",
    ]


def test_a_missed_send_says_when_and_what_to_do() -> None:
    told = str(MissedSendError([_send()], SEND_AT + 3 * MINUTE))
    assert "campaign thanks is sent at 2018-01-05 08:00 UTC (3 minutes ago)" in told
    assert "its run was to begin at 2018-01-05 07:00 UTC" in told and "send_at in campaigns.yml" in told


def _ran(run_id: str, stage: str, began: int, ended: int, status: str = "success") -> dict[str, Any]:
    counts = {f"count_{name}": 0 for name in ("read", "loaded", "quarantined", "duplicate")}
    told = {"run_id": run_id, "stage": stage, "table_name": "ops.exports", "status": status, "seconds": 1.0}
    return told | counts | {"started_at": NOW + began * MINUTE, "finished_at": NOW + ended * MINUTE}


def test_runs_of_the_past_are_measured_without_the_time_somebody_took_to_approve(shop: Shop) -> None:
    """Ten minutes up to the preview, an hour of waiting, two minutes of export; a failed and a dry run do not count."""
    for run_id, is_dry in (("r1", False), ("r2", True), ("r3", False)):
        receive_request("thanks", BatchWindow.of(AS_OF, AS_OF, run_id), {"dry_run": is_dry})
    stages = [_ran("r1", "request", 0, 1), _ran("r1", "preview", 8, 10), _ran("r1", "export", 70, 71)]
    stages += [_ran("r1", "ready", 71, 72), _ran("r2", "request", 0, 500), _ran("r2", "export", 500, 501)]
    stages += [_ran("r3", "request", 0, 300), _ran("r3", "export", 300, 301, "failed")]
    record("runs", stages, str(shop.lake))
    chosen, _ = requested_campaign("thanks", "", str(shop.lake))
    ready_before = timedelta(minutes=chosen.ready_minutes_before)
    assert lead_time_of(chosen, str(shop.lake)) == 18 * MINUTE + ready_before


def test_the_calendar_reads_campaigns_and_knows_what_has_begun(shop: Shop) -> None:
    plain = {"segment": "loyal_champions", "platform": "outbox"}
    times = {"thanks": "2018-01-05 09:00 Europe/Berlin", "offer": "2018-01-05 08:10 UTC", "old": "2017-01-05 08:00 UTC"}
    told = {name: plain | {"send_at": send_at} for name, send_at in times.items()}
    (shop.conf / "campaigns.yml").write_text(json.dumps({"campaigns": told}))
    now = SEND_AT - 5 * MINUTE
    assert [send.campaign_id for send in look(now - 5 * MINUTE, now).begin] == ["thanks", "offer"]
    begun = BatchWindow.of(AS_OF, AS_OF, "pre_send_refresh.calendar__thanks__20180105T080000Z")
    receive_request("thanks", begun, {})
    assert [send.campaign_id for send in look(now - 5 * MINUTE, now).begin] == ["offer"]
    assert look(now, SEND_AT + MINUTE).missed == ()
