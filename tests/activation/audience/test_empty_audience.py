"""An audience that becomes empty: customers without consent are removed, the others only if the campaign allows it."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.activation.destinations.outbox import Outbox
from lakehouse.contracts import IDENTITIES, arrow_schema
from lakehouse.errors import ExportRefusedError
from tests.activation.conftest import Shop, assert_balanced, customer


def _refused(shop: Shop) -> dict[str, Any]:
    """Export, which is refused; the row it left."""
    before = len(shop.receipts())
    with pytest.raises(ExportRefusedError, match="allow_empty_audience: true"):
        shop.export()
    assert len(shop.receipts()) == before + 1
    receipt = shop.receipts()[-1]
    assert receipt["status"] == "refused"
    assert_balanced(receipt)
    return receipt


def test_empty_audience_must_not_wipe_the_platform(shop: Shop) -> None:
    shop.export()
    shop.customers()
    receipt = _refused(shop)
    assert (receipt["count_audience"], receipt["count_removed"], receipt["count_exported"]) == (0, 0, 0)
    assert shop.actions(receipt["export_id"]) == {}
    folder = shop.home / "outbox/outbox/thanks" / receipt["export_id"]
    assert json.loads((folder / "manifest.json").read_text())["removals_refused"] == 2
    written = json.loads((folder / "receipt.json").read_text())
    assert written["status"] == "refused" and "allow_empty_audience" in written["notes"][0]


def test_empty_audience_that_is_meant_removes_everybody(shop: Shop) -> None:
    shop.export()
    shop.customers()
    _refused(shop)
    shop.declare(allow_empty_audience=True)
    outcome = shop.export()
    assert outcome.loaded == 2
    assert shop.actions(shop.receipts()[-1]["export_id"]) == {"c1": "removed", "c2": "removed"}
    assert any("removed" in warning for warning in outcome.warnings)


def test_audience_that_comes_back_is_exported_as_if_nothing_had_been(shop: Shop) -> None:
    shop.export()
    shop.customers()
    _refused(shop)
    shop.customers(customer("c1"), customer("c2"))
    assert (shop.export().loaded, shop.receipts()[-1]["count_unchanged"]) == (0, 2)


@pytest.mark.slow
def test_when_everybody_unsubscribes_everybody_is_removed(shop: Shop) -> None:
    shop.export()
    shop.suppress("c1@example.com", "c2@example.com")
    outcome = shop.export()
    receipt = shop.receipts()[-1]
    assert shop.actions(receipt["export_id"]) == {"c1": "removed", "c2": "removed"}
    assert (receipt["status"], receipt["count_suppressed"], receipt["count_removed"]) == ("success", 2, 2)
    assert any("removed" in warning for warning in outcome.warnings)
    assert shop.export().loaded == 0


@pytest.mark.slow
def test_who_unsubscribed_is_removed_also_from_outside_the_segment(shop: Shop) -> None:
    """c1 has left the segment and unsubscribed, c2 is no longer mailable, c3 has only left the segment."""
    shop.customers(customer("c1"), customer("c2"), customer("c3"))
    shop.export()
    shop.customers(customer("c1"), customer("c2", is_mailable=False), customer("c3"), members=["c2"])
    shop.suppress("c1@example.com")
    receipt = _refused(shop)
    assert shop.actions(receipt["export_id"]) == {"c1": "removed", "c2": "removed"}
    assert (
        receipt["count_audience"],
        receipt["count_suppressed"],
        receipt["count_removed"],
        receipt["count_exported"],
    ) == (1, 1, 2, 2)
    assert _refused(shop)["count_exported"] == 0


def test_profiles_that_lost_their_address_are_no_withdrawal(shop: Shop) -> None:
    shop.export()
    shop.customers(customer("c1", email=None), customer("c2", email="c2(at)example.com"))
    assert _refused(shop)["count_removed"] == 0


def test_everybody_held_out_is_refused(shop: Shop) -> None:
    shop.export()
    shop.declare(holdout_share=0.9999)
    assert (_refused(shop)["count_holdout"], shop.actions(shop.receipts()[-1]["export_id"])) == (2, {})


@pytest.mark.slow
def test_refused_export_that_was_killed_is_resumed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(customer("c1"), customer("c2"), customer("c3"))
    shop.export()
    shop.suppress("c1@example.com", "c2@example.com")
    shop.customers(customer("c1"), customer("c2"), customer("c3"), members=[])
    deliver = Outbox.deliver

    def die_at_second(self: Outbox, batch: Any) -> Any:
        if batch.ordinal == 1:
            raise KeyboardInterrupt
        return deliver(self, batch)

    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "batch_size", 1)
        patched.setattr(Outbox, "deliver", die_at_second)
        with pytest.raises(KeyboardInterrupt):
            shop.export()
    (killed,) = {row["export_id"] for row in shop.rows("ops/export_records")} - {shop.receipts()[0]["export_id"]}
    shop.suppress("c2@example.com")  # c1 has been removed by now, whatever the ledger says today
    receipt = _refused(shop)
    assert (receipt["export_id"], receipt["count_removed"], receipt["count_exported"]) == (killed, 2, 2)
    assert shop.actions(killed) == {"c1": "removed", "c2": "removed"}


@pytest.mark.slow
def test_who_withdrew_is_removed_also_when_the_person_has_another_id_now(shop: Shop) -> None:
    shop.customers(customer("c1"))
    shop.export()
    shop.customers(customer("c9", email="c1@example.com", is_mailable=False), members=[])
    named = [
        {
            "identifier_type": "email",
            "identifier": "c1@example.com",
            "customer_id": "c9",
            "former_customer_ids": ["c1"],
        }
    ]
    write_deltalake(
        str(shop.lake / "silver/identities"), pa.Table.from_pylist(named, schema=arrow_schema(IDENTITIES.columns))
    )
    shop.suppress("c1@example.com")
    outcome = shop.export()
    assert outcome.loaded == 1
    assert shop.actions(shop.receipts()[-1]["export_id"]) == {"c1": "removed"}
