"""SendGrid: custom fields are made once; removals make nobody; who was not taken is found."""

from __future__ import annotations

import pytest

from tests.activation.conftest import Shop, customer
from tests.activation.sending.accounts import account_at, in_audience, people_at


@pytest.mark.slow
def test_custom_fields_are_made_once(shop: Shop) -> None:
    shop.customers(customer("c0", first_name="Eve"))
    shop.suppress()
    with account_at(shop, "sendgrid") as running:
        shop.export()
        facts = people_at(running)["c0@example.com"]["facts"]
        assert facts == {
            "email": "c0@example.com",
            "first_name": "Eve",
            "total_spend": 12.3,
            "audience_thanks": "true",
        }
        shop.customers(customer("c0", first_name="Ada"))
        shop.export()
        assert len(running.requests("POST", "/v3/marketing/field_definitions")) == 2


@pytest.mark.slow
def test_a_removal_makes_nobody(shop: Shop) -> None:
    shop.customers(customer("c0"), customer("c1"))
    shop.suppress()
    with account_at(shop, "sendgrid") as running:
        shop.export()
        running.happened("c1@example.com", "erased")
        running.happened("c0@example.com", "unsubscribed")
        shop.customers(customer("c0", first_name="Eve"), customer("c1"), members=["c0"])
        assert shop.export().loaded == 2
        assert in_audience(running) == people_at(running).keys() == {"c0@example.com"}
        assert people_at(running)["c0@example.com"]["subscription"] == "unsubscribed"
