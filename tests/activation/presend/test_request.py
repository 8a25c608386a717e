"""What a run is asked to send: read from a form, refused with what was expected, noted once, found again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.campaigns.known_names import KnownNames
from lakehouse.activation.presend.recorded import receive_request, request_of, requested_campaign
from lakehouse.activation.presend.request import SendRequest, limit_texts, read_limits, read_request
from lakehouse.activation.presend.stages import DRY_RUN, export, remove_refused
from lakehouse.contracts import Stage
from lakehouse.errors import ConfigurationError
from lakehouse.orchestration.stages import STAGES
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop
from tests.support.lakes import rows

SEND_AT = datetime(2018, 1, 5, 8, tzinfo=UTC)
SOURCES = ("crm", "shop")
WINDOW = BatchWindow.of(AS_OF, AS_OF, "pre_send_refresh.r1")


def _campaign(*platforms: str) -> Campaign:
    told = {"segment": "loyal", "send_at": "2018-01-05 09:00 Europe/Berlin", "platform": platforms or "outbox"}
    accounts: dict[str, Any] = dict.fromkeys(("newsletter", "shop_mail"))
    found = Campaign.model_validate(told, context=KnownNames(None, accounts))
    found._id = "thanks"
    return found


def _read(declared: Campaign | None = None, **form: Any) -> SendRequest:
    return read_request(form, declared or _campaign(), SOURCES, AS_OF)


def test_an_empty_form_is_what_the_campaign_declares() -> None:
    for form in ({}, {"send_at": None, "destinations": None, "freshness": [], "dry_run": False, "reason": "  "}):
        assert _read(**form) == SendRequest("thanks", SEND_AT, ("outbox",), {}, is_dry_run=False, reason="")


def test_a_form_says_otherwise() -> None:
    asked = _read(
        _campaign("newsletter", "outbox", "shop_mail"),
        send_at="2018-01-05 08:00 America/New_York",
        destinations=["shop_mail", "newsletter"],
        freshness=["crm=6h", " shop = 30 minutes ", ""],
        dry_run=True,
        reason=" CRM was late ",
    )
    assert asked == SendRequest(
        "thanks",
        datetime(2018, 1, 5, 13, tzinfo=UTC),
        ("newsletter", "shop_mail"),
        {"crm": timedelta(hours=6), "shop": timedelta(minutes=30)},
        is_dry_run=True,
        reason="CRM was late",
    )


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (
            {"send_at": "2018-01-01 09:00 UTC"},
            "the send time of thanks (2018-01-01 09:00 UTC) is before the as-of time of the run (2018-01-02 00:00 UTC)",
        ),
        ({"send_at": "tomorrow"}, "send_at 'tomorrow' is not a valid time. Expected: a local time and an IANA"),
        ({"send_at": "2018-01-05 09:00 Europe/Berlinn"}, "there is no time zone 'Europe/Berlinn'. Expected: a local"),
        ({"send_at": "2018-03-25 02:30 Europe/Berlin"}, "does not exist in that time zone"),
        ({"destinations": ["newsletter"]}, "campaign thanks has no destination 'newsletter'. Expected: outbox, or"),
        ({"freshness": ["erp=6h"]}, "there is no source 'erp'. Expected: one of crm, shop."),
        ({"freshness": ["crm=soon"]}, "'crm=soon' is not a valid limit of freshness. Expected: a source and how old"),
        ({"freshness": ["crm"]}, "'crm' is not a valid limit of freshness"),
        ({"freshness": ["crm=6h", "crm=5h"]}, "two limits of source crm"),
    ],
)
def test_what_is_not_valid_is_refused(form: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        _read(**form)
    assert str(refused.value).startswith("send request: ") and says in str(refused.value)


def test_a_declared_time_that_has_passed_is_refused_unless_the_run_allows_it() -> None:
    late = SEND_AT + timedelta(seconds=1)
    with pytest.raises(ConfigurationError, match="is before the as-of time"):
        read_request({}, _campaign(), SOURCES, late)
    assert read_request({}, _campaign(), SOURCES, late, allows_past=True).send_at == SEND_AT
    with pytest.raises(ConfigurationError, match="is before the as-of time"):
        read_request({"send_at": "2018-01-05 09:00 Europe/Berlin"}, _campaign(), SOURCES, late, allows_past=True)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(hours=6), "crm=6h"),
        (timedelta(minutes=90), "crm=90m"),
        (timedelta(days=2), "crm=2d"),
        (timedelta(0), "crm=0s"),
    ],
)
def test_a_limit_is_written_as_it_is_read(length: timedelta, text: str) -> None:
    assert limit_texts({"crm": length}) == [text]
    assert read_limits([text]) == {"crm": length}


def test_a_request_is_noted_and_found_by_its_run(shop: Shop) -> None:
    form = {"send_at": "2018-01-09 09:00 UTC", "freshness": ["crm=6h"], "dry_run": True, "reason": "late"}
    before = datetime.now(UTC)
    assert [outcome.loaded for outcome in receive_request("thanks", WINDOW, form)] == [1]
    noted = "select run_id, campaign_id, destinations, freshness, is_dry_run from {ops.send_requests}"
    assert rows(shop.lake, noted) == [("pre_send_refresh.r1", "thanks", ["outbox"], ["crm=6h"], True)]
    limits, moment = {"crm": timedelta(hours=6)}, datetime(2018, 1, 9, 9, tzinfo=UTC)
    found, asked = requested_campaign("thanks", WINDOW.run_id, str(shop.lake))
    assert asked.asked_at is not None and before <= asked.asked_at <= datetime.now(UTC)
    assert replace(asked, asked_at=None) == SendRequest("thanks", moment, ("outbox",), limits, True, "late")
    assert found.send_at == moment
    assert request_of("another run", str(shop.lake)) is None


def test_a_run_that_waited_until_its_send_was_over_is_refused(shop: Shop) -> None:
    asked_at = datetime.now(UTC) - timedelta(minutes=10)
    window = BatchWindow.of(asked_at, asked_at, "pre_send_refresh.r1")
    over, to_come = (f"{asked_at + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S} UTC" for minutes in (5, 60))
    with pytest.raises(ConfigurationError, match="is before the as-of time"):
        receive_request("thanks", window, {"send_at": over})
    assert receive_request("thanks", window, {"send_at": to_come})[0].loaded == 1


def test_a_run_that_is_asked_again_counts_as_it_was_asked_last(shop: Shop) -> None:
    for is_dry in (True, False):
        receive_request("thanks", WINDOW, {"dry_run": is_dry})
    asked = request_of(WINDOW.run_id, str(shop.lake))
    assert asked is not None and not asked.is_dry_run


def test_a_dry_run_sends_and_removes_nothing(shop: Shop) -> None:
    receive_request("thanks", WINDOW, {"dry_run": True})
    for stage in (export, remove_refused):
        (done,) = stage("thanks", WINDOW)
        assert (done.skipped, done.notes) == (True, (DRY_RUN,))
    assert not (shop.lake / "ops" / "exports").exists()
    (done,) = export("thanks", BatchWindow.of(AS_OF, AS_OF, "another run"))
    assert (done.skipped, done.loaded) == (False, 2)


def test_stages_of_a_campaign_obey_its_request() -> None:
    of_campaigns = {Stage.PLAN, Stage.PREVIEW, Stage.EXPORT, Stage.REMOVALS, Stage.READY}
    assert {stage for stage, place in STAGES.items() if ".presend.stages:" in place} == of_campaigns
