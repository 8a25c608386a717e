"""Which inputs are older than a campaign allows, which are read, and what follows from those that cannot be."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakehouse.activation.campaigns.declared import load_campaigns
from lakehouse.activation.presend.freshness import Input, inputs
from lakehouse.activation.presend.freshness_rules import FreshnessRule, Otherwise, rule_of
from lakehouse.activation.presend.recorded import receive_request, requested_campaign
from lakehouse.activation.presend.stages import DROPPED, export, plan
from lakehouse.activation.presend.staleness import Inputs, StaleInputError, inputs_of
from lakehouse.config.feeds import feeds
from lakehouse.diagnostics.config_check import check_campaigns
from lakehouse.errors import ConfigurationError
from lakehouse.storage.ops_tables import record
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop, customer

NOW = datetime(2018, 1, 2, 8, tzinfo=UTC)
WINDOW = BatchWindow.of(AS_OF, AS_OF, "pre_send_refresh.r1")
HOUR = timedelta(hours=1)


def _rule(hours: float = 0, otherwise: Otherwise = "hold") -> FreshnessRule:
    return FreshnessRule(at_most=f"{int(hours * 60)}m", otherwise=otherwise)


def _input(hours_ago: float | None, rule: FreshnessRule, dataset: str = "contacts", is_loaded: bool = True) -> Input:
    return Input("crm", dataset, rule, None if hours_ago is None else NOW - hours_ago * HOUR, is_loaded)


@pytest.mark.parametrize(
    ("hours_ago", "allowed", "is_stale"),
    [(None, 6, True), (7, 6, True), (6, 6, False), (5, 6, False), (0.01, 0, True), (-0.01, 0, False)],
)
def test_an_input_is_as_fresh_as_its_last_read(hours_ago: float | None, allowed: float, is_stale: bool) -> None:
    """What was read since the run was asked for is fresh, whatever the limit."""
    assert _input(hours_ago, _rule(allowed)).is_stale(NOW) is is_stale


@pytest.mark.parametrize(
    ("hours_ago", "allowed", "told"),
    [
        (None, 0, "contacts of source crm was never read; it has to be read in every run"),
        (-1, 6, "contacts of source crm was read in this run; 6h is allowed"),
        (7.5, 6, "contacts of source crm was read 7 hours before this run; 6h is allowed"),
        (72, 1.5, "contacts of source crm was read 3 days before this run; 90m is allowed"),
    ],
)
def test_the_age_of_an_input_in_words(hours_ago: float | None, allowed: float, told: str) -> None:
    assert _input(hours_ago, _rule(allowed)).told(NOW) == told


def test_rules_come_from_the_source_then_the_default_and_a_run_may_ask_for_another_limit() -> None:
    declared = {"crm": _rule(6, "send"), "default": _rule(1, "drop")}
    assert rule_of("crm", "contacts", declared, {}) == _rule(6, "send")
    assert rule_of("shop", "transactions", declared, {}) == _rule(1, "drop")
    assert rule_of("crm", "contacts", declared, {"crm": 2 * HOUR}) == _rule(2, "send")
    assert rule_of("shop", "transactions", {}, {}) == _rule(0, "hold")


@pytest.mark.parametrize(("otherwise", "then"), [("send", "hold"), ("hold", "hold"), ("drop", "drop")])
def test_consents_are_read_in_every_run_and_never_left_out(otherwise: Otherwise, then: str) -> None:
    rule = rule_of("crm", "consents", {"crm": _rule(6, otherwise)}, {"crm": 9 * HOUR})
    assert (rule.at_most, rule.otherwise) == (timedelta(0), then)


def test_only_what_is_stale_is_read_and_a_dataset_that_is_not_loaded_is_loaded() -> None:
    stale, fresh = _input(7, _rule(6)), Input("shop", "contacts", _rule(6), NOW - HOUR, is_loaded=True)
    products, unloaded = _input(1, _rule(6), "products"), _input(1, _rule(6), "consents", is_loaded=False)
    found = Inputs("thanks", NOW, (stale, fresh, products, unloaded))
    assert [found.to_read(name) for name in ("contacts", "products", "consents", "campaigns")] == [
        ("crm",),
        None,
        (),
        (),
    ]
    assert found.stale == (stale,)


def _ran(stage: str, table: str, at: datetime, status: str = "success") -> dict[str, Any]:
    counts = {f"count_{name}": 0 for name in ("read", "loaded", "quarantined", "duplicate")}
    told = {"run_id": "r0", "stage": stage, "table_name": table, "status": status, "seconds": 1.0}
    return told | counts | {"started_at": at, "finished_at": at}


@pytest.mark.parametrize(
    ("later", "hours_ago", "is_loaded"),
    [
        ([], 3, True),
        ([("extract", "bronze.crm_products", 1, "failed")], 3, True),
        ([("extract", "bronze.crm_products", 1, "success")], 1, False),
        ([("bronze", "bronze.crm_products", 1, "failed")], 3, False),
        ([("silver", "silver.products", 1, "failed")], 3, False),
        ([("gate", "silver.products", 1, "failed")], 3, False),
        ([("gate", "silver.products", 2, "failed"), ("gate", "silver.products", 1, "warning")], 3, True),
    ],
)
def test_ages_come_from_the_runs_on_record(
    shop: Shop, later: list[tuple[str, str, int, str]], hours_ago: int, is_loaded: bool
) -> None:
    tables = {"extract": "bronze.crm_products", "bronze": "bronze.crm_products"}
    stages = ("extract", "bronze", "silver", "gate")
    ran = [_ran(stage, tables.get(stage, "silver.products"), NOW - 3 * HOUR) for stage in stages]
    ran += [_ran(stage, table, NOW - hours * HOUR, status) for stage, table, hours, status in later]
    record("runs", ran, str(shop.lake))
    chosen, _ = requested_campaign("thanks", "", str(shop.lake))
    (found,) = inputs(chosen, {}, feeds(), str(shop.lake))
    assert (found.source, found.dataset, found.read_at) == ("crm", "products", NOW - hours_ago * HOUR)
    assert found.is_loaded is is_loaded


def _asked(shop: Shop, otherwise: str) -> None:
    """The source was read a day ago, six hours are allowed, and a run was asked to send."""
    shop.declare(freshness={"crm": {"at_most": "6h", "otherwise": otherwise}})
    record("runs", [_ran("extract", "bronze.crm_products", datetime.now(UTC) - 24 * HOUR)], str(shop.lake))
    receive_request("thanks", WINDOW, {})


def test_a_campaign_that_is_sent_all_the_same_says_so_in_its_receipt(shop: Shop) -> None:
    _asked(shop, "send")
    (done,) = export("thanks", WINDOW)
    told = "sent with stale data: products of source crm was read 24 hours before this run; 6h is allowed"
    assert (done.loaded, done.warnings) == (2, (told,))
    receipt = json.loads(next((shop.home / "outbox").rglob("receipt.json")).read_bytes())
    assert receipt["notes"] == [told]


@pytest.mark.slow
@pytest.mark.parametrize("otherwise", ["drop", "hold"])
def test_a_campaign_that_is_dropped_or_held_only_removes(shop: Shop, otherwise: str) -> None:
    export("thanks", BatchWindow.of(AS_OF, AS_OF, "an earlier run"))
    shop.customers(customer("c1"), customer("c2"), customer("c3"))
    shop.suppress("c1@example.com")
    _asked(shop, otherwise)
    if otherwise == "hold":
        with pytest.raises(StaleInputError, match="campaign thanks is held: products of source crm was read"):
            export("thanks", WINDOW)
    else:
        (done,) = export("thanks", WINDOW)
        assert (done.loaded, done.warnings[-1][: len(DROPPED)]) == (1, DROPPED)
        (planned,) = plan("thanks", WINDOW)
        assert (planned.skipped, planned.notes[0][: len(DROPPED)]) == (True, DROPPED)
    assert shop.actions(shop.receipts()[-1]["export_id"]) == {"c1": "removed"}


def test_without_a_request_nobody_asks_how_fresh_the_data_is(shop: Shop) -> None:
    shop.declare(freshness={"crm": {"at_most": "6h"}})
    assert inputs_of(*requested_campaign("thanks", "by hand", str(shop.lake))).stale == ()


@pytest.mark.parametrize(
    ("freshness", "says"),
    [
        ({"erp": {"at_most": "6h"}}, "there is no source 'erp'. Expected: default, or one of crm."),
        ({"crm": {"at_most": "soon"}}, "'soon' is not a length of time. Expected: e.g. 6h, 30 minutes, 1 day."),
        ({"crm": {"otherwise": "pray"}}, "otherwise"),
        ({"crm": {"limit": "6h"}}, "limit"),
    ],
)
def test_freshness_that_is_not_valid_is_refused_with_its_line(shop: Shop, freshness: dict[str, Any], says: str) -> None:
    shop.declare(freshness=freshness)
    with pytest.raises(ConfigurationError) as refused:
        check_campaigns(shop.conf)
    assert says in str(refused.value) and "campaigns.yml:1" in str(refused.value)


def test_freshness_of_a_campaign(shop: Shop) -> None:
    shop.declare(freshness={"crm": {"at_most": "30 minutes"}, "default": {"otherwise": "send"}})
    assert load_campaigns()["thanks"].freshness == {"crm": _rule(0.5), "default": _rule(0, "send")}
