"""The record of what was sent: an export without it sends nothing, and a repair makes it again from the outbox."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import Any

import pytest

from lakehouse.activation.records.destination_state import EXPORTS
from lakehouse.config.settings import settings
from lakehouse.errors import ExportRefusedError
from lakehouse.orchestration.repair.carry_out import repair
from lakehouse.orchestration.repair.plan import Plan, plan_repair
from lakehouse.storage.ops_tables import record
from lakehouse.tables import TableRef, ops
from lakehouse.utils.foreign_errors import UnexpectedError
from tests.activation.conftest import Shop, customer
from tests.support.damage import Damage, cut_the_newest_commit, empty_the_newest_commit, lose_a_file, lose_the_log
from tests.support.lanes import all_pairs, first_fast

ATTEMPTS = ops("export_attempts")
RECORDS = ops("export_records")


def lose_the_folder(table: Any) -> None:
    shutil.rmtree(table)


def _repair(table: TableRef) -> Plan:
    plan = plan_repair(table)
    assert plan.damage
    assert not plan.blocked
    repair(plan)
    return plan


def _state(shop: Shop) -> list[tuple[Any, ...]]:
    """What ops.export_records says, without times."""
    columns = ("export_id", "customer_id", "action", "payload_hash")
    return sorted(tuple(row[name] for name in columns) for row in shop.rows("ops/export_records"))


@pytest.fixture
def sent(shop: Shop) -> Shop:
    """Three exports: c1 and c2 were added; c2 changed and c3 was added; c1 was removed."""
    shop.export()
    shop.customers(customer("c1"), customer("c2", first_name="Bo"), customer("c3"))
    shop.export()
    shop.customers(customer("c2", first_name="Bo"), customer("c3"))
    shop.export()
    return shop


def test_an_export_without_the_record_of_what_was_sent_sends_nothing(sent: Shop) -> None:
    shutil.rmtree(sent.lake / "ops" / "export_records")
    with pytest.raises(ExportRefusedError, match=r"lakehouse repair ops\.export_records"):
        sent.export()
    shutil.rmtree(sent.lake / "ops")  # then the receipts in the outbox say so
    sent.built()
    with pytest.raises(ExportRefusedError, match=r"lakehouse repair ops\.export_records"):
        sent.export()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "has_batches"),
    all_pairs([lose_a_file, cut_the_newest_commit, empty_the_newest_commit, lose_the_log], [True, False]),
)
def test_after_a_repair_the_next_export_sends_nothing(sent: Shop, damage: Damage, has_batches: bool) -> None:
    before = _state(sent)
    if not has_batches:  # the platform has fetched them
        for batches in settings().outbox.glob("*/*/*/batches"):
            shutil.rmtree(batches)
    damage(sent.lake / "ops" / "export_records")
    plan = _repair(RECORDS)
    assert plan.lost == ()
    assert _state(sent) == before
    assert sent.export().loaded == 0


@pytest.mark.slow
@pytest.mark.parametrize("has_batches", first_fast([True, False]))
def test_a_record_that_is_gone_altogether_comes_from_the_outbox(sent: Shop, has_batches: bool) -> None:
    before, exports = _state(sent), sent.receipts()
    if not has_batches:
        for batches in settings().outbox.glob("*/*/*/batches"):
            shutil.rmtree(batches)
    shutil.rmtree(sent.lake / "ops")
    for table in (EXPORTS, RECORDS, ATTEMPTS):
        _repair(table)
    sent.built()
    assert _state(sent) == before
    assert sent.receipts() == exports
    assert sent.export().loaded == 0
    sent.customers(customer("c3"))
    sent.export()
    newest = sent.receipts()[-1]
    assert (newest["count_removed"], newest["count_exported"]) == (1, 1)


@pytest.mark.slow
def test_whom_a_killed_delivery_may_have_reached_is_known_from_its_batch(sent: Shop) -> None:
    sent.customers(customer("c2", first_name="Bo"), customer("c3"), customer("c4"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakehouse.activation.send.record_batch", _killed)
        with pytest.raises(KeyboardInterrupt):
            sent.export()
    shutil.rmtree(sent.lake / "ops" / "export_attempts")
    _repair(ATTEMPTS)
    assert [row["customer_id"] for row in sent.rows("ops/export_attempts")] == ["c4"]
    sent.customers(customer("c2", first_name="Bo"), customer("c3"))
    sent.export()
    assert sent.receipts()[-1]["count_removed"] == 1


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def _fails(*_: object) -> None:
    raise OSError("the disk is full")


@pytest.mark.slow
def test_whom_a_failed_export_may_have_reached_is_sent_again(sent: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sent.customers(customer("c2", first_name="Bo"), customer("c3"), customer("c4"))
    with monkeypatch.context() as patch:
        patch.setattr("lakehouse.activation.send.record_batch", _fails)
        with pytest.raises(UnexpectedError, match="OSError"):
            sent.export()
    for folder in (sent.lake / "ops" / "export_records", *settings().outbox.glob("*/*/*/batches")):
        shutil.rmtree(folder)
    plan = _repair(RECORDS)
    assert plan.lost == ()
    assert sent.export().loaded == 1  # c4, whom the failed export may have reached


@pytest.mark.slow
def test_the_removal_of_who_refuses_does_not_wait_for_the_repair(sent: Shop) -> None:
    lost = sent.receipts()[0] | {"export_id": "thanks-00009-lost", "finished_at": datetime.now(UTC)}
    record("exports", [lost], str(sent.lake))
    sent.suppress("c3@example.com")
    with pytest.raises(ExportRefusedError, match="1 exports"):
        sent.export()
    assert sent.receipts()[-1]["count_removed"] == 1
