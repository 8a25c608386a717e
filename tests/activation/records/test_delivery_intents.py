"""Deliveries without an answer: the destination may have those customers, so they are sent again or removed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from lakehouse.activation import send
from lakehouse.activation.destinations import Batch, BatchReceipt
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.destinations.outbox import Outbox
from lakehouse.errors import TransientError
from tests.activation.conftest import Shop, assert_balanced, customer

NO = Rejection("no")


class Killed(BaseException):
    """Like SIGKILL, nothing of the export handles it; test_kill.py sends the signal itself."""


def _die_before_acknowledging(shop: Shop, monkeypatch: pytest.MonkeyPatch, batch: int = 1) -> None:
    """Export with batches of one customer; the process ends when `batch` has been delivered and is about to be
    recorded."""
    written: list[str] = []
    record = send.record_batch

    def dying(table: str, rows: Any, lake: str) -> None:
        written.append(table)
        if len(written) == batch:
            raise Killed
        record(table, rows, lake)

    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "batch_size", 1)
        patched.setattr("lakehouse.activation.send.record_batch", dying)
        with pytest.raises(Killed):
            shop.export()


def _last_actions(shop: Shop) -> dict[str, str]:
    receipt = shop.receipts()[-1]
    assert_balanced(receipt)
    return shop.actions(receipt["export_id"])


def _withdraw_when_sending_begins(shop: Shop, monkeypatch: pytest.MonkeyPatch, addresses: Iterable[str]) -> None:
    from lakehouse.activation import export

    def late(*arguments: Any) -> None:
        shop.suppress(*addresses)
        send.send(*arguments)

    monkeypatch.setattr(export, "send", late)


def test_who_withdraws_after_an_unrecorded_delivery_is_removed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _die_before_acknowledging(shop, monkeypatch)
    assert shop.rows("ops/export_records") == []
    shop.suppress("c1@example.com")
    shop.export()
    closed, new = shop.receipts()
    assert (closed["status"], closed["count_audience"], closed["count_exported"]) == ("failed", 2, 0)
    assert _last_actions(shop) == {"c1": "removed", "c2": "added"}
    assert (new["status"], new["count_suppressed"]) == ("success", 1)
    assert shop.export().loaded == 0


def test_who_leaves_the_segment_after_an_unrecorded_delivery_is_removed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _die_before_acknowledging(shop, monkeypatch)
    shop.customers(customer("c1"), customer("c2"), members=["c2"])
    shop.export()
    assert _last_actions(shop) == {"c1": "removed", "c2": "added"}


def test_a_profile_that_changed_back_is_sent_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.export()
    shop.customers(customer("c1", first_name="Bea"), customer("c2"))
    _die_before_acknowledging(shop, monkeypatch)
    shop.customers(customer("c1"), customer("c2"))
    shop.export()
    assert _last_actions(shop) == {"c1": "changed"}
    assert shop.export().loaded == 0


@pytest.mark.slow
def test_who_was_removed_but_is_wanted_again_is_sent_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.export()
    shop.customers(customer("c1"), customer("c2"), members=["c2"])
    _die_before_acknowledging(shop, monkeypatch)
    shop.customers(customer("c1"), customer("c2"))
    shop.export()
    assert _last_actions(shop) == {"c1": "changed"}


def test_who_withdraws_while_an_export_is_resumed_is_removed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _die_before_acknowledging(shop, monkeypatch)
    _withdraw_when_sending_begins(shop, monkeypatch, ["c1@example.com", "c2@example.com"])
    shop.export()
    (receipt,) = shop.receipts()
    assert _last_actions(shop) == {"c1": "removed"}  # c2 was never delivered
    assert (receipt["count_added"], receipt["count_removed"], receipt["count_suppressed"]) == (0, 1, 2)


@pytest.mark.slow
def test_an_export_killed_over_and_over_is_one_export(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(customer("c1"), customer("c2"), customer("c3"))
    shop.export()
    shop.customers(customer("c1", first_name="Bea"), customer("c2", first_name="Bea"), customer("c3"))
    _die_before_acknowledging(shop, monkeypatch)
    shop.customers(customer("c1"), customer("c2", first_name="Bea"), customer("c3"))
    for batch in (1, 2):  # both unsure about c1; the second records c1 and dies over c2
        _die_before_acknowledging(shop, monkeypatch, batch)
    shop.export()
    assert [row["status"] for row in shop.receipts()] == ["success", "failed", "success"]
    assert _last_actions(shop) == {"c1": "changed", "c2": "changed"}
    assert shop.receipts()[-1]["count_unchanged"] == 1
    assert len(shop.rows("ops/export_records")) == 5
    assert shop.export().loaded == 0


def test_a_delivery_whose_answer_was_lost_may_have_arrived(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = Outbox.deliver

    def lose_the_answer(self: Outbox, batch: Batch) -> BatchReceipt:
        deliver(self, batch)
        raise TransientError("the connection broke", "Try again.")

    with monkeypatch.context() as failing:
        failing.setattr(Outbox, "deliver", lose_the_answer)
        with pytest.raises(TransientError):
            shop.export()
    shop.suppress("c1@example.com")
    shop.export()
    assert _last_actions(shop) == {"c1": "removed", "c2": "added"}


def test_a_refusal_settles_only_a_first_try(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """c1 may have arrived before its export was killed, and is refused when it is resumed; c2 is refused and never
    arrived."""
    _die_before_acknowledging(shop, monkeypatch)
    with monkeypatch.context() as refusing:
        refusing.setattr(Outbox, "deliver", lambda self, batch: BatchReceipt((), "", frozenset(), {"c1": NO, "c2": NO}))
        shop.export()
    assert _last_actions(shop) == {"c1": "rejected", "c2": "rejected"}
    shop.customers(customer("c1"), customer("c2"), customer("c3"), members=["c3"])
    shop.export()
    assert _last_actions(shop) == {"c1": "removed", "c3": "added"}


def test_the_only_customer_of_a_killed_first_export_may_withdraw(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(customer("c1"))
    _die_before_acknowledging(shop, monkeypatch)
    shop.suppress("c1@example.com")
    shop.export()
    assert _last_actions(shop) == {"c1": "removed"}
    assert [row["status"] for row in shop.receipts()] == ["failed", "success"]
