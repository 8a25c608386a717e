"""`lakehouse exports`: what was sent, and whom a platform refused when it was asked last."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from deltalake import DeltaTable, write_deltalake

from lakehouse.activation.destinations import Batch, BatchReceipt, Outbox
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.records.rejects import NotDeadLettersError, rejects
from lakehouse.cli.exports import UnknownExportError, exports
from lakehouse.errors import ConfigurationError, TerminalError
from lakehouse.outcome import TableOutcome
from lakehouse.storage.layout_version import record_layout
from lakehouse.storage.ops_tables import record
from tests.activation.conftest import Shop, assert_balanced, customer


def _listed(*options: str) -> list[Any]:
    found: list[Any] = json.loads(CliRunner().invoke(exports, ["list", "--json", *options]).output)
    return found


def _refusing(monkeypatch: pytest.MonkeyPatch, reason: str, *customers: str, is_permanent: bool = False) -> None:
    deliver = Outbox.deliver

    def refuse(self: Outbox, batch: Batch) -> BatchReceipt:
        receipt = deliver(self, batch)
        refused = dict.fromkeys(set(customers) & set(batch.customers), Rejection(reason, is_permanent))
        return replace(receipt, accepted=receipt.accepted - set(customers), rejected=refused)

    monkeypatch.setattr(Outbox, "deliver", refuse)


def test_nothing_yet(shop: Shop) -> None:
    assert _listed() == [] and rejects(str(shop.lake)) == []
    assert CliRunner().invoke(exports, ["list"]).output == "Nothing was exported yet.\n"
    with pytest.raises(UnknownExportError, match="there is no export 'x'"):
        CliRunner().invoke(exports, ["show", "x"], catch_exceptions=False)


def test_a_rejection_lasts_until_the_platform_takes_the_customer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = str(shop.lake)
    shop.customers(customer("c1"), customer("c2"), customer("c3"))
    with monkeypatch.context() as refusing:
        _refusing(refusing, "mailbox unknown", "c2", "c3")
        shop.export()
    assert [(one.customer_id, one.reason) for one in rejects(lake)] == [
        ("c2", "mailbox unknown"),
        ("c3", "mailbox unknown"),
    ]
    (first,) = _listed()
    assert (first["status"], first["counts"]["exported"], first["counts"]["rejected"]) == ("success", 1, 2)
    shown = CliRunner().invoke(exports, ["show", first["export_id"]]).output
    assert "mailbox unknown" in shown and first["export_id"] in shown
    whole = json.loads(CliRunner().invoke(exports, ["show", first["export_id"], "--json"]).output)
    assert whole["receipt"]["export_id"] == whole["manifest"]["export_id"] == first["export_id"]
    with monkeypatch.context() as refusing:
        _refusing(refusing, "still unknown", "c3")
        shop.export()
    told = json.loads(CliRunner().invoke(exports, ["rejects", "--json"]).output)
    assert [(one["customer_id"], one["reason"]) for one in told] == [("c3", "still unknown")]
    assert rejects(lake, campaign_id="another") == []
    assert len(_listed("--campaign", "thanks")) == 2 and len(_listed("--limit", "1")) == 1
    assert _listed("--campaign", "another") == []


def _refused_for_good(shop: Shop, monkeypatch: pytest.MonkeyPatch, *customers: str) -> TableOutcome:
    with monkeypatch.context() as refusing:
        _refusing(refusing, "never", *customers, is_permanent=True)
        return shop.export()


def _replay(*options: str) -> Any:
    told = CliRunner().invoke(exports, ["replay", "thanks", *options, "--json"], catch_exceptions=False)
    return json.loads(told.output)["replayed"] if told.exit_code == 0 else told.output


@pytest.mark.slow
def test_a_dead_letter_waits_until_its_payload_changes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of somebody who is there with another payload; and everybody is counted somewhere."""
    shop.customers(customer("c1"), customer("c2"))
    shop.export()
    people = customer("c1", first_name="Eve"), customer("c2"), customer("c3")
    shop.customers(*people)
    assert _refused_for_good(shop, monkeypatch, "c1", "c3").quarantined == 2
    assert [one.is_dead for one in rejects(str(shop.lake))] == [True, True]
    for _ in range(2):  # nothing is tried again, and the balance holds
        outcome = shop.export()
        assert outcome.skipped and (outcome.read, outcome.loaded, outcome.quarantined, outcome.duplicates) == (
            3,
            0,
            2,
            1,
        )
        assert "refused them for good" in outcome.warnings[0]
        assert_balanced(shop.receipts()[-1])
    assert shop.receipts()[-1]["count_dead_letters"] == 2
    shop.customers(customer("c1", first_name="Zoe"), *people[1:])
    assert shop.export().loaded == 1
    assert [one.customer_id for one in rejects(str(shop.lake))] == ["c3"]
    shop.customers(people[1])  # whoever leaves is removed; who was never there is gone
    assert (shop.export().loaded, shop.receipts()[-1]["count_dead_letters"]) == (1, 0)


def test_what_may_pass_is_tried_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as refusing:
        _refusing(refusing, "later", "c1")
        shop.export()
    assert [(one.is_permanent, one.is_dead) for one in rejects(str(shop.lake))] == [(False, False)]
    assert shop.export().loaded == 1


@pytest.mark.slow
def test_dead_letters_that_are_replayed_are_sent_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _refused_for_good(shop, monkeypatch, "c1", "c2")
    assert (_replay("--customer", "c1", "--reason", "fixed"), _replay("--customer", "c1", "--reason", "fixed")) == (
        1,
        0,
    )
    assert {one.customer_id: one.is_dead for one in rejects(str(shop.lake))} == {"c1": False, "c2": True}
    (row,) = shop.rows("ops/export_replays")
    assert (row["customer_id"], row["reason"], bool(row["replayed_by"])) == ("c1", "fixed", True)
    assert shop.export().loaded == 1
    assert shop.export().loaded == 0
    assert (_replay("--all", "--reason", "again"), _replay("--all", "--reason", "again")) == (1, 0)
    _refused_for_good(shop, monkeypatch, "c2")  # a replay counts for one rejection
    assert [one.is_dead for one in rejects(str(shop.lake))] == [True]
    assert shop.export().loaded == 0
    assert len(shop.rows("ops/export_replays")) == 2


def test_a_replay_is_for_all_platforms(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _refused_for_good(shop, monkeypatch, "c1")
    (first,) = (row for row in shop.rows("ops/export_records") if row["customer_id"] == "c1")
    elsewhere = {"export_id": "thanks-00001-there", "platform": "mails"}
    record("export_records", [first | elsewhere], str(shop.lake))
    record("exports", [shop.receipts()[0] | elsewhere], str(shop.lake))
    assert [one.platform for one in rejects(str(shop.lake))] == ["mails", "outbox"]
    assert (_replay("--customer", "c1", "--reason", "x"), _replay("--all", "--reason", "x")) == (2, 0)


def test_what_cannot_be_replayed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _refused_for_good(shop, monkeypatch, "c1")
    with pytest.raises(
        NotDeadLettersError, match=r"1 customers are not refused for good in campaign thanks \(first: c2\)"
    ):
        _replay("--customer", "c2", "--reason", "x")
    assert "say whom to replay" in _replay("--reason", "x")
    assert "say whom to replay" in _replay("--all", "--customer", "c1", "--reason", "x")
    with pytest.raises(TerminalError, match="the reason is empty"):
        _replay("--all", "--reason", " ")
    assert shop.rows("ops/export_replays") == []


@pytest.mark.slow
def test_records_of_earlier_versions_have_no_dead_letters(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _refused_for_good(shop, monkeypatch, "c1")
    for table, column in (("export_records", "is_permanent"), ("exports", "count_dead_letters")):
        location = str(shop.lake / "ops" / table)
        older = DeltaTable(location).to_pyarrow_table().drop_columns([column])
        write_deltalake(location, older, mode="overwrite", schema_mode="overwrite")
    assert [one.is_dead for one in rejects(str(shop.lake))] == [False]
    assert _listed()[0]["counts"]["rejected"] == 1
    assert shop.export().loaded == 1
    assert _listed()[0]["counts"]["dead_letters"] == 0


@pytest.mark.slow
def test_an_export_can_be_tried_again_by_hand(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """From gold as it is, recorded like every stage."""
    with monkeypatch.context() as refusing:
        _refusing(refusing, "later", "c1")
        shop.export()
    record_layout("test", str(shop.lake))
    told = CliRunner().invoke(exports, ["retry", "thanks"], catch_exceptions=False)
    assert told.output.startswith("thanks@outbox: 1 sent, 1 unchanged, 0 not sent\n")
    assert rejects(str(shop.lake)) == []
    assert [row["count_loaded"] for row in shop.rows("ops/runs") if row["stage"] == "export"] == [1]
    with pytest.raises(ConfigurationError, match="there is no campaign 'thank'"):
        CliRunner().invoke(exports, ["retry", "thank"], catch_exceptions=False)
