"""What counts as an order and as spend, from lines to profiles: right values, in an increment and in a rebuild."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.conftest import AS_OF, Shop, day, gold_rows
from tests.dbt_project.test_increments import GUEST, assert_equals_full_refresh

pytestmark = pytest.mark.slow

# customer -> lines (receipt, day of December 2017, amount, other values), expected orders, returns, spend
RETURNED: dict[str, tuple[list[tuple[str, int, str, dict[str, Any]]], int, int, str]] = {
    "by quantity and amount": ([("a", 1, "100.00", {}), ("b", 9, "-100.00", {"quantity": Decimal(-1)})], 1, 1, "0.00"),
    "by amount": ([("a", 1, "100.00", {}), ("b", 9, "-30.00", {})], 1, 1, "70.00"),
    "by quantity": ([("a", 1, "100.00", {}), ("b", 9, "30.00", {"quantity": Decimal(-1)})], 1, 1, "70.00"),
    "with the same receipt": ([("a", 1, "100.00", {}), ("a", 9, "-100.00", {})], 0, 1, "0.00"),
    "in part": ([("a", 1, "100.00", {}), ("a", 9, "-40.00", {})], 1, 1, "60.00"),
    "bought before we looked": ([("a", 1, "-20.00", {"discount_amount": Decimal("-5.00")})], 0, 1, "-20.00"),
    "nothing": ([("a", 1, "0.335", {}), ("a", 1, "0.335", {}), ("a", 1, "0.335", {})], 1, 0, "1.01"),
}


def fill(shop: Shop) -> None:
    for number, (lines, *_) in enumerate(RETURNED.values()):
        shop.contact(str(number), f"c{number}")
        for position, (receipt, on, amount, values) in enumerate(lines, start=1):
            shop.buys(f"{number}{receipt}", str(number), day(12, on), amount, line_number=position, **values)


def profiles(columns: str) -> dict[str, tuple[Any, ...]]:
    rows = gold_rows(f"select customer_id, {columns} from {{gold.dim_customers}} order by customer_id")
    return {customer_id: tuple(values) for customer_id, *values in rows}


def test_returns_count_in_spend_and_are_no_orders(shop: Shop) -> None:
    fill(shop)
    shop.build()
    found = profiles("count_orders, count_returns, total_spend")
    expected = [(orders, returns, Decimal(spend)) for _, orders, returns, spend in RETURNED.values()]
    assert [found[f"c{number}"] for number in range(len(RETURNED))] == expected
    shares = gold_rows(
        "select count(*) from {gold.dim_customers} where discount_sensitivity not between 0 and 1 or tenure_days < 0"
    )
    assert shares == [(0,)]
    assert gold_rows("select customer_id from {gold.segment_members} where segment = 'no_purchase_yet'") == []


def test_guests_are_in_revenue_and_in_no_profile(shop: Shop, tmp_path: Path) -> None:
    shop.contact("1", "c1")
    shop.buys("t1", "1", day(12, 1), "2.00")
    shop.buys("g1", "", day(12, 2), "3.00", **GUEST)
    shop.buys("g1", "", day(12, 2), "4.00", line_number=2, **GUEST)
    shop.build()
    orders = "select transaction_id, customer_id, is_order, net_amount from {gold.fct_orders} order by 1"
    assert gold_rows(orders) == [("g1", None, True, Decimal("7.00")), ("t1", "c1", True, Decimal("2.00"))]
    assert profiles("total_spend") == {"c1": (Decimal("2.00"),)}
    shop.buys("g1", "1", day(12, 2), "3.00")
    shop.build()
    assert gold_rows("select customer_id, net_amount from {gold.fct_orders} order by 2") == [
        ("c1", Decimal("2.00")),
        ("c1", Decimal("3.00")),
        (None, Decimal("4.00")),
    ]
    assert_equals_full_refresh(shop, AS_OF, tmp_path)


def test_spend_in_two_currencies_has_no_sum(shop: Shop) -> None:
    shop.contact("1", "c1")
    shop.buys("t1", "1", day(12, 1), "10.00")
    shop.buys("t1", "1", day(12, 1), "20.00", line_number=2, currency="EUR")
    shop.build()
    assert profiles("currency, count_orders, total_spend, average_order_value, spend_90d, top_category_1") == {
        "c1": (None, 1, None, None, None, None)
    }
    assert gold_rows("select currency, total_spend from {gold.customer_spend} order by 1") == [
        ("EUR", Decimal("20.00")),
        ("USD", Decimal("10.00")),
    ]


def test_a_shared_receipt_over_the_as_of_moment(shop: Shop, tmp_path: Path) -> None:
    """Nobody gets the lines of somebody else, and nothing counts before it happens."""
    shop.put("products", {"product_id": "p1", "category": "SOUP"}, {"product_id": "p2", "category": "BEER"})
    shop.contact("1", "c1")
    shop.contact("2", "c2")
    shop.buys("t0", "2", day(12, 1), "10.00")
    shop.buys("t1", "1", AS_OF - timedelta(seconds=1), "5.00")
    shop.buys("t1", "2", AS_OF + timedelta(seconds=1), "7.00", "p2", line_number=2)
    shop.buys("t1", "1", AS_OF + timedelta(days=1), "-5.00", line_number=3)
    shop.build()
    columns = "count_orders, total_spend, top_category_1, top_category_1_share, top_category_2, spend_30d"
    now = {"c1": (1, Decimal("5.00"), "SOUP", 1.0, None, Decimal("5.00"))}
    assert profiles(columns) == now | {"c2": (1, Decimal("10.00"), "SOUP", 1.0, None, Decimal("0.00"))}
    later = AS_OF + timedelta(days=2)
    shop.build(later)
    assert profiles("count_orders, total_spend, top_category_2") == {
        "c1": (0, Decimal("0.00"), None),
        "c2": (2, Decimal("17.00"), "BEER"),
    }
    assert_equals_full_refresh(shop, later, tmp_path)
    shop.build(AS_OF)
    assert profiles(columns)["c1"] == now["c1"]


def test_nobody_is_in_an_audience_before_being_known(shop: Shop) -> None:
    for contact, created in {"1": day(6, 1), "2": datetime(2018, 3, 1, tzinfo=UTC)}.items():
        shop.contact(contact, f"c{contact}", created_at=created, updated_at=datetime(2018, 3, 1, tzinfo=UTC))
        known = {"identifier_type": "crm_id", "identifier": contact, "customer_id": f"c{contact}"}
        shop.put("identities", known | {"first_seen_at": created})
        for kind, value in {"loyalty_id": f"L{contact}", "email": f"{contact}@example.com"}.items():
            shop.put(
                "identities",
                {"identifier_type": kind, "identifier": value, "customer_id": f"c{contact}", "first_seen_at": created},
            )
    shop.build()
    assert gold_rows("select segment, customer_id from {gold.segment_members}") == [("no_purchase_yet", "c1")]
    assert profiles("tenure_days")["c2"] == (None,)
    shop.build(datetime(2018, 4, 1, tzinfo=UTC))
    assert len(gold_rows("select customer_id from {gold.segment_members} where segment = 'no_purchase_yet'")) == 2
