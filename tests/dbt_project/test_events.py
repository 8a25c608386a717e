"""Events in profiles: visits and viewed categories of whoever they are about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.dbt_project.conftest import AS_OF, Shop, gold_rows

PROFILES = (
    "select customer_id, last_visit_at, count_visits_30d, viewed_category_1, viewed_category_2"
    " from {gold.dim_customers} order by customer_id"
)


@pytest.mark.slow
def test_a_new_event_changes_the_profile_of_whom_it_is_about(shop: Shop) -> None:
    for number in ("1", "2"):
        shop.contact(number, f"c{number}")
    shop.put("products", {"product_id": "p1", "category": "SOUP"})
    first, later = AS_OF - timedelta(days=3), AS_OF - timedelta(hours=1)
    shop.put("web_events", {"event_id": "e1", "occurred_at": first}, {"event_id": "e2", "occurred_at": AS_OF})
    shop.build()
    nobody = ("c2", None, 0, None, None)
    assert gold_rows(PROFILES) == [("c1", first, 1, "SOUP", None), nobody]
    tea = {"properties": '{"category": "TEA"}'}
    shop.put(
        "web_events",
        {"event_id": "e3", "occurred_at": later} | tea,
        {"event_id": "e4", "occurred_at": later, "is_bot": True, "customer_reference": "2"},
        {"event_id": "e5", "occurred_at": later, "reference_type": None, "customer_reference": None},
    )
    shop.build()
    found = gold_rows(PROFILES)
    assert found == [("c1", later, 2, "SOUP", "TEA"), nobody]
    shop.build(is_full=True)
    assert gold_rows(PROFILES) == found
