"""listmonk, in both ways of overwriting: subscriptions stay, and so do the attributes of others."""

from __future__ import annotations

import base64

import pytest

from tests.activation.conftest import Shop, customer
from tests.activation.sending.accounts import account_at, in_audience, people_at
from tests.support import http

VERSIONS = ["listmonk", "listmonk-5"]


@pytest.mark.slow
@pytest.mark.parametrize("simulator", VERSIONS)
def test_subscriptions_stay_as_they_are(shop: Shop, simulator: str) -> None:
    """Who is new is in the list, unconfirmed."""
    shop.customers(*(customer(f"c{number}") for number in range(4)))
    shop.suppress()
    with account_at(shop, "listmonk", simulator=simulator) as running:
        headers = {"Authorization": "Basic " + base64.b64encode(f"{running.token}".encode()).decode()}
        for number in range(3):
            made = {"email": f"c{number}@example.com", "name": "Own", "lists": [1], "attribs": {"theirs": number}}
            http.post(f"{running.url}/api/subscribers", json=made, headers=headers).raise_for_status()
        running.happened("c0@example.com", "subscribed")
        running.happened("c1@example.com", "unsubscribed")
        running.happened("c2@example.com", "bounced")
        assert shop.export().loaded == 4
        found = people_at(running)
        lists = {email[:2]: person["lists"]["1"] for email, person in found.items()}
        assert lists == {"c0": "confirmed", "c1": "unsubscribed", "c2": "unsubscribed", "c3": "unconfirmed"}
        assert found["c2@example.com"]["subscription"] == "blocklisted"
        assert [found[f"c{number}@example.com"]["facts"]["attribs"]["theirs"] for number in range(3)] == [0, 1, 2]
        assert {found[f"c{number}@example.com"]["facts"]["name"] for number in range(3)} == {"Own"}
        shop.customers(customer("c0", first_name=None))
        shop.export()
        assert in_audience(running) == {"c0@example.com"}
        found = people_at(running)
        attributes = {"theirs": 0, "total_spend": 12.3, "audience_thanks": True}
        assert found["c0@example.com"]["facts"]["attribs"] == attributes
        assert {email[:2]: person["lists"]["1"] for email, person in found.items()} == lists
        assert running.state()["totals"]["count_raised"] == 0


def test_somebody_elses_import_is_waited_for(shop: Shop) -> None:
    shop.customers(customer("c0"))
    shop.suppress()
    with account_at(shop, "listmonk", [{"fault": "import_lock", "times": 3}]) as running:
        assert shop.export().loaded == 1 and in_audience(running) == {"c0@example.com"}
        assert len(running.requests("POST", "/api/import/subscribers")) == 4


def test_one_row_that_the_database_refuses(shop: Shop) -> None:
    """It takes its whole commit with it, so the others are sent again without it."""
    shop.customers(*(customer(f"c{number}") for number in range(6)), customer("c6", first_name="A\0da"))
    shop.suppress()
    with account_at(shop, "listmonk") as running:
        outcome = shop.export()
        assert (outcome.loaded, outcome.quarantined) == (6, 1)
        assert in_audience(running) == {f"c{number}@example.com" for number in range(6)}
