"""Platforms that know people by address: the address that was sent is on record, and comes with the next change."""

from __future__ import annotations

from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.activation import send
from lakehouse.activation.destinations import Batch, BatchReceipt
from lakehouse.activation.destinations.outbox import Outbox
from tests.activation.conftest import Shop, customer

Delivered = list[dict[str, Any]]


@pytest.fixture
def delivered(monkeypatch: pytest.MonkeyPatch) -> Delivered:
    """What is delivered; the outbox stands for a platform that knows people by address."""
    rows: Delivered = []
    deliver = Outbox.deliver

    def keep(self: Outbox, batch: Batch) -> BatchReceipt:
        rows.extend(batch.operations.to_pylist())
        return deliver(self, batch)

    monkeypatch.setattr(Outbox, "deliver", keep)
    monkeypatch.setattr(Outbox, "identity", "email")
    return rows


def _sent(rows: Delivered) -> list[tuple[str, str, str, str | None]]:
    found = [(row["customer_id"], row["action"], row["email"], row["sent_email"]) for row in rows]
    rows.clear()
    return found


@pytest.mark.slow
def test_a_new_address_comes_with_the_one_that_was_sent(shop: Shop, delivered: Delivered) -> None:
    shop.export()
    assert _sent(delivered) == [
        ("c1", "added", "c1@example.com", None),
        ("c2", "added", "c2@example.com", None),
    ]
    shop.customers(customer("c1", email="new@example.com"), customer("c2"), members=["c1"])
    shop.export()
    assert _sent(delivered) == [
        ("c1", "moved", "", "c1@example.com"),
        ("c2", "removed", "", "c2@example.com"),
        ("c1", "changed", "new@example.com", "c1@example.com"),
    ]
    assert {(row["customer_id"], row["action"], row["email"]) for row in shop.rows("ops/export_records")} == {
        ("c1", "added", "c1@example.com"),
        ("c2", "added", "c2@example.com"),
        ("c1", "changed", "new@example.com"),
        ("c2", "removed", None),
    }
    shop.customers(customer("c1", email="new@example.com"), customer("c2"))
    shop.export()
    assert _sent(delivered) == [("c2", "added", "c2@example.com", None)]


def test_an_address_that_a_killed_delivery_may_have_sent_is_known(
    shop: Shop, delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(send, "record_batch", _killed)
        with pytest.raises(KeyboardInterrupt):
            shop.export()
    delivered.clear()
    shop.suppress("c1@example.com")
    shop.export()
    assert _sent(delivered) == [
        ("c1", "removed", "", "c1@example.com"),
        ("c2", "added", "c2@example.com", "c2@example.com"),
    ]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_destination_that_knows_people_by_id_gets_no_address_on_record(shop: Shop) -> None:
    shop.export()
    for table in ("ops/export_records", "ops/export_attempts"):
        assert {row["email"] for row in shop.rows(table)} == {None}


@pytest.mark.slow
@pytest.mark.parametrize("table", ["export_records", "export_attempts"])
def test_tables_that_were_written_before_addresses_were_recorded(shop: Shop, delivered: Delivered, table: str) -> None:
    shop.export()
    delivered.clear()
    location = str(shop.lake / "ops" / table)
    rows = DeltaTable(location).to_pyarrow_table()
    older = rows.drop_columns([name for name in ("email", "reason") if name in rows.column_names])
    write_deltalake(location, older, mode="overwrite", schema_mode="overwrite")
    shop.customers(customer("c1", first_name="Bea"), customer("c2"))
    shop.export()
    ((customer_id, action, _, sent),) = _sent(delivered)
    assert (customer_id, action) == ("c1", "changed")
    assert sent == (None if table == "export_records" else "c1@example.com")
    assert len(shop.rows(f"ops/{table}")) == 3
    assert shop.export().loaded == 0
