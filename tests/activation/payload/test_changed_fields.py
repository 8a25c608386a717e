"""The payload of the fields that changed, and the hashes by which they are known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.activation.destinations import Batch, BatchReceipt
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.destinations.outbox import Outbox
from lakehouse.activation.payload import changed_fields
from lakehouse.activation.payload.changed_fields import field_hash
from lakehouse.activation.planning import plan
from lakehouse.storage.duckdb_views import connect
from tests.activation.conftest import Shop, customer

Delivered = list[dict[str, Any]]


@pytest.fixture
def delivered(monkeypatch: pytest.MonkeyPatch) -> Delivered:
    """What is delivered; the outbox stands for a platform that leaves other fields as they are. It does not take c3."""
    rows: Delivered = []

    def deliver(self: Outbox, batch: Batch) -> BatchReceipt:
        found = batch.operations.to_pylist()
        rows.extend(found)
        refused = {row["customer_id"]: Rejection("no") for row in found if row["customer_id"] == "c3"}
        return BatchReceipt((), "", frozenset(batch.customers) - refused.keys(), refused)

    monkeypatch.setattr(Outbox, "deliver", deliver)
    monkeypatch.setattr(Outbox, "keeps_other_fields", True)
    return rows


def _sent(rows: Delivered) -> dict[str, Any]:
    """What was sent of each customer; a removal is None."""
    found = {row["customer_id"]: json.loads(row["payload"]) if row["payload"] else None for row in rows}
    rows.clear()
    return found


def _whole(customer_id: str, **attributes: Any) -> dict[str, Any]:
    return {"customer_id": customer_id, "email": f"{customer_id}@example.com", "attributes": attributes}


@pytest.mark.slow
@given(st.text(max_size=5), st.just("null") | st.text(st.characters(exclude_characters="\x00"), max_size=5))
def test_sql_and_python_make_the_same_hash(customer_id: str, value: str) -> None:
    query = f"select {changed_fields.hash_sql('city', 'value')} from (select ? as customer_id, ? as value)"
    ((found,),) = connect().execute(query, [customer_id, value]).fetchall()
    assert found == field_hash(customer_id, "city", value)


def test_only_what_changed_is_sent(shop: Shop, delivered: Delivered) -> None:
    shop.export()
    assert _sent(delivered) == {
        "c1": _whole("c1", first_name="Ada", total_spend=12.3),
        "c2": _whole("c2", first_name="Ada", total_spend=12.3),
    }
    shop.customers(customer("c1", first_name="Eve"), customer("c2", email="new@example.com"))
    shop.export()
    assert _sent(delivered) == {
        "c1": {"customer_id": "c1", "attributes": {"first_name": "Eve"}},
        "c2": {"customer_id": "c2", "email": "new@example.com", "attributes": {}},
    }
    shop.customers(customer("c1"), customer("c2", email="new@example.com", first_name=None))
    shop.export()  # also back to what was there before
    assert _sent(delivered) == {
        "c1": {"customer_id": "c1", "attributes": {"first_name": "Ada"}},
        "c2": {"customer_id": "c2", "attributes": {"first_name": None}},
    }
    assert shop.export().loaded == 0


def test_what_is_recorded_says_nothing_of_a_value(shop: Shop, delivered: Delivered) -> None:
    shop.export()
    hashes = {row["customer_id"]: row["field_hashes"] for row in shop.rows("ops/export_records")}
    assert hashes["c1"] == " ".join(
        [
            field_hash("c1", "email", '"c1@example.com"'),
            field_hash("c1", "first_name", '"Ada"'),
            field_hash("c1", "total_spend", "12.30"),
        ]
    )
    assert not set(hashes["c1"].split()) & set(hashes["c2"].split())  # that the names are equal cannot be told


@pytest.mark.slow
def test_fields_that_are_declared_anew_or_no_more(shop: Shop, delivered: Delivered) -> None:
    shop.export()
    delivered.clear()
    shop.declare(fields=["first_name", {"field": "total_spend", "rename": "spend"}])
    shop.export()
    assert _sent(delivered)["c1"] == {"customer_id": "c1", "attributes": {"spend": 12.3}}
    shop.declare(fields=["first_name"])
    shop.export()
    assert _sent(delivered)["c1"] == {"customer_id": "c1", "attributes": {}}
    shop.declare()
    shop.export()
    assert _sent(delivered)["c1"] == {"customer_id": "c1", "attributes": {"total_spend": 12.3}}


@pytest.mark.slow
def test_whoever_comes_back_is_sent_whole(shop: Shop, delivered: Delivered) -> None:
    shop.export()
    shop.customers(customer("c1"), customer("c2"), members=["c1"])
    shop.export()
    assert _sent(delivered)["c2"] is None
    shop.customers(customer("c1"), customer("c2"))
    shop.export()
    assert _sent(delivered) == {"c2": _whole("c2", first_name="Ada", total_spend=12.3)}


@pytest.mark.slow
def test_whoever_was_rejected_is_sent_whole(shop: Shop, delivered: Delivered) -> None:
    shop.customers(customer("c1"), customer("c3"))
    shop.export()
    assert {row["field_hashes"] for row in shop.rows("ops/export_records") if row["customer_id"] == "c3"} == {None}
    delivered.clear()
    shop.customers(customer("c1"), customer("c3", first_name="Eve"))
    shop.export()
    assert _sent(delivered) == {"c3": _whole("c3", first_name="Eve", total_spend=12.3)}


@pytest.mark.slow
def test_whoever_has_a_delivery_without_an_answer_is_sent_whole(
    shop: Shop, delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.export()
    delivered.clear()
    shop.customers(customer("c1", first_name="Eve"), customer("c2"))
    with monkeypatch.context() as patched:
        patched.setattr("lakehouse.activation.send.record_batch", _killed)
        with pytest.raises(KeyboardInterrupt):
            shop.export()
    assert _sent(delivered)["c1"]["attributes"] == {"first_name": "Eve"}
    shop.export()
    assert _sent(delivered) == {"c1": _whole("c1", first_name="Eve", total_spend=12.3)}


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.slow
def test_records_of_earlier_versions_have_no_hashes(shop: Shop, delivered: Delivered) -> None:
    shop.export()
    delivered.clear()
    location = str(shop.lake / "ops/export_records")
    older = DeltaTable(location).to_pyarrow_table().drop_columns(["field_hashes"])
    write_deltalake(location, older, mode="overwrite", schema_mode="overwrite")
    assert shop.export().skipped
    for name in ("Eve", "Zoe"):
        shop.customers(customer("c1", first_name=name), customer("c2"))
        shop.export()
    first, second = (json.loads(row["payload"])["attributes"] for row in delivered)
    assert (first, second) == ({"first_name": "Eve", "total_spend": 12.3}, {"first_name": "Zoe"})


@pytest.mark.slow
def test_a_new_address_is_a_new_person_where_people_are_known_by_it(
    shop: Shop, delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outbox, "identity", "email")
    shop.export()
    shop.customers(customer("c1", email="new@example.com"), customer("c2", first_name="Eve"))
    delivered.clear()
    shop.export()
    assert _sent(delivered) == {
        "c1": _whole("c1", first_name="Ada", total_spend=12.3) | {"email": "new@example.com"},
        "c2": {"customer_id": "c2", "attributes": {"first_name": "Eve"}},
    }


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_large_plan_is_read_in_parts(
    shop: Shop, delivered: Delivered, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """In the order of one query, also around an id with a quote."""
    monkeypatch.setattr(plan, "_ROWS_OF_A_SORT", rows)
    quoted = customer("c'2", email="c2@example.com")
    shop.customers(quoted, *(customer(name) for name in ("c1", "c4", "c5")))
    shop.export()
    delivered.clear()
    changed = (row | {"first_name": "Eve"} for row in (quoted, customer("c1"), customer("c4")))
    shop.customers(*changed, customer("c6"))
    shop.export()
    assert [row["customer_id"] for row in delivered] == ["c5", "c'2", "c1", "c4", "c6"]
