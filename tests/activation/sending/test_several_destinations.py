"""A campaign with several destinations: each has its own state, and one that fails keeps no other from its export."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from lakehouse.activation import ready as activation_ready
from lakehouse.activation.planning import stage
from lakehouse.activation.presend.recorded import receive_request
from lakehouse.activation.presend.stages import export, plan, preview, ready
from lakehouse.activation.records.destination_state import EXPORTS
from lakehouse.activation.sending.failures import CredentialsRefusedError
from lakehouse.cli.exports import exports
from lakehouse.contracts import Stage
from lakehouse.orchestration.report.run_outcome import run_outcome
from lakehouse.orchestration.stages import run_stage
from lakehouse.outcome import TableOutcome
from lakehouse.storage.layout_version import record_layout
from lakehouse.storage.ops_tables import record
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop, customer
from tests.activation.sending.accounts import account_at, in_audience

CUSTOMERS = [customer(f"c{number}") for number in range(3)]
_ENDED = {"status": "success", "seconds": 0.1}
ADDRESSES = {f"c{number}@example.com" for number in range(3)}


def _window(run_id: str) -> BatchWindow:
    return BatchWindow.of(AS_OF, AS_OF, f"pre_send_refresh.{run_id}")


def _declare_both(shop: Shop) -> None:
    shop.customers(*CUSTOMERS)
    shop.suppress()
    shop.declare(platform=["mails", "outbox"])


def _ask(shop: Shop, run_id: str, **form: Any) -> None:
    """A run is asked to send, and reads the shop's only source."""
    receive_request("thanks", _window(run_id), form)
    now = datetime.now(UTC)
    counts = {f"count_{name}": 0 for name in ("read", "loaded", "quarantined", "duplicate")}
    read = {"run_id": _window(run_id).run_id, "stage": "extract", "table_name": "bronze.crm_products"}
    record("runs", [read | counts | _ENDED | {"started_at": now, "finished_at": now}], str(shop.lake))


def _exported(shop: Shop) -> list[tuple[str, str, int]]:
    return sorted((row["platform"], row["status"], row["count_exported"]) for row in shop.receipts())


@pytest.mark.slow
def test_all_destinations_are_planned_previewed_and_sent_to(shop: Shop) -> None:
    with account_at(shop, "klaviyo") as running:
        _declare_both(shop)
        _ask(shop, "r1")
        for each in (plan, preview, export, ready):
            each("thanks", _window("r1"))
        assert in_audience(running) == ADDRESSES
    assert _exported(shop) == [("mails", "success", 3), ("outbox", "success", 3)]
    for destination in ("mails", "outbox"):
        (folder,) = (shop.home / "outbox" / destination / "thanks").glob("thanks-*")
        assert {"plan.json", "preview.html", "manifest.json", "receipt.json"} <= {
            path.name for path in folder.iterdir()
        }


def test_a_run_may_choose_some_of_them(shop: Shop) -> None:
    with account_at(shop, "klaviyo") as running:
        _declare_both(shop)
        _ask(shop, "r1", destinations=["outbox"], send_at="2018-01-09 09:00 UTC")
        export("thanks", _window("r1"))
        assert not running.requests()
    assert _exported(shop) == [("outbox", "success", 3)]
    manifest = json.loads(next((shop.home / "outbox").rglob("manifest.json")).read_bytes())
    assert manifest["send_at"] == "2018-01-09T09:00:00Z", "the time that the run was asked for"


@pytest.mark.slow
def test_one_that_fails_keeps_no_other_from_being_sent_to(shop: Shop) -> None:
    with account_at(shop, "klaviyo", [{"fault": "token_expired"}]) as running:
        _declare_both(shop)
        record_layout("test", str(shop.lake))
        _ask(shop, "r1")
        with pytest.raises(CredentialsRefusedError, match="account mails: the platform refuses the credentials"):
            run_stage(Stage.EXPORT, "thanks", _window("r1"), "pre_send_refresh")
        outcome, _ = run_outcome("thanks", _window("r1").run_id, {"export": "failed"})
        assert outcome.verdict == "bad"
        assert outcome.lines[0].startswith("Nothing was sent of campaign thanks to mails: the export failed.")
        assert "Sent: 3 customers of campaign thanks to outbox (3 new)." in outcome.lines
        assert running.state()["people"] == {}
    with account_at(shop, "klaviyo") as repaired:
        _declare_both(shop)
        _ask(shop, "r2")
        export("thanks", _window("r2"))
        assert in_audience(repaired) == ADDRESSES, "and nobody is sent to the outbox again"
    assert _exported(shop) == [
        ("mails", "failed", 0),
        ("mails", "success", 3),
        ("outbox", "success", 0),
        ("outbox", "success", 3),
    ]


@pytest.mark.slow
def test_a_retry_goes_to_the_others_when_one_fails(shop: Shop) -> None:
    with account_at(shop, "klaviyo", [{"fault": "token_expired"}]):
        _declare_both(shop)
        record_layout("test", str(shop.lake))
        tried = CliRunner().invoke(exports, ["retry", "thanks"])
    assert isinstance(tried.exception, CredentialsRefusedError)
    assert "thanks@outbox: 3 sent, 0 unchanged, 0 not sent" in tried.output
    assert _exported(shop) == [("mails", "failed", 0), ("outbox", "success", 3)]


def test_a_plan_that_fails_keeps_no_other_from_its_plan(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    plan_campaign = stage.plan_campaign

    def failing(target: str, window: BatchWindow) -> list[TableOutcome]:
        if target == "thanks@mails":
            raise CredentialsRefusedError("mails", 401)
        return plan_campaign(target, window)

    monkeypatch.setattr(stage, "plan_campaign", failing)
    with account_at(shop, "klaviyo"):
        _declare_both(shop)
        _ask(shop, "r1")
        (planned,) = plan("thanks", _window("r1"))
        assert ["account mails" in warning for warning in planned.warnings] == [True]
        assert len(list((shop.home / "outbox" / "outbox" / "thanks").glob("thanks-*/plan.json"))) == 1
        _ask(shop, "r2", destinations=["mails"])
        with pytest.raises(CredentialsRefusedError):
            plan("thanks", _window("r2"))


def test_a_look_that_fails_keeps_no_other_from_being_looked_at_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(target: str, window: BatchWindow) -> list[TableOutcome]:
        if target == "thanks@mails":
            raise CredentialsRefusedError("mails", 401)
        return [TableOutcome(EXPORTS, is_pending=waiting.pop())]

    waiting = [False, True]
    monkeypatch.setattr(activation_ready, "look_for_export", looked)
    with account_at(shop, "klaviyo"):
        _declare_both(shop)
        _ask(shop, "r1")
        recorded = len(shop.rows("ops/runs"))
        (pending,) = run_stage(Stage.READY, "thanks", _window("r1"))
        assert pending.is_pending and len(shop.rows("ops/runs")) == recorded
        with pytest.raises(CredentialsRefusedError):
            run_stage(Stage.READY, "thanks", _window("r1"))
