"""What becomes of a value that is empty now: as the campaign says, on every platform; and whom that would hit."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.activation.destinations import PLATFORMS
from lakehouse.activation.open_destination import open_account
from lakehouse.activation.payload.wiped_fields import wiped_fields
from lakehouse.activation.planning.next_export import opened_next_export
from lakehouse.config.settings import settings
from tests.activation.conftest import Shop, customer
from tests.activation.sending.accounts import NEEDS, account_at, people_at
from tests.support.simulators import Simulated

ABSENT = "absent"
AFTER = {"unset": (ABSENT,), "send": (None, ""), "omit": ("Ada",)}


def _value(running: Simulated, name: str) -> Any:
    """The value of c1's attribute of that name, wherever the platform keeps it."""
    facts = people_at(running)["c1@example.com"]["facts"]
    places = [facts, *(inner for inner in facts.values() if isinstance(inner, dict))]
    return next((place[key] for place in places for key in (name, name.upper()) if key in place), ABSENT)


@pytest.mark.slow
@pytest.mark.parametrize("platform", list(NEEDS))
@pytest.mark.parametrize("nulls", [None, "omit"])
def test_a_value_that_has_become_empty(shop: Shop, platform: str, nulls: str | None) -> None:
    shop.suppress()
    with account_at(shop, platform) as running:
        field = {"field": "first_name", "rename": "nick"} | ({} if nulls is None else {"nulls": nulls})
        shop.declare(platform="mails", fields=[field, "total_spend"])
        shop.customers(customer("c1"))
        shop.export()
        assert _value(running, "nick") == "Ada"
        shop.customers(customer("c1", first_name=None))
        assert shop.export().loaded == 1
        policy = nulls or PLATFORMS[platform].capabilities.nulls[0]
        assert _value(running, "nick") in AFTER[policy]
        shop.customers(customer("c1"))
        shop.export()
        assert _value(running, "nick") == "Ada"


def _wiped(shop: Shop) -> dict[str, int]:
    with opened_next_export("thanks") as found:
        plan = found.plan
        return dict(wiped_fields(plan, open_account(plan.campaign, shop.home, settings())))


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["klaviyo", "listmonk", "mailchimp", "sendgrid"])
def test_whose_values_a_plan_would_empty(shop: Shop, platform: str) -> None:
    rows = [customer(f"c{number}", first_name=None if number == 4 else "Ada") for number in range(5)]
    shop.customers(*rows)
    shop.suppress()
    fields = [{"field": "first_name", "rename": "nick"}, {"field": "first_name", "rename": "kept", "nulls": "omit"}]
    with account_at(shop, platform):
        shop.declare(platform="mails", fields=[*fields, "total_spend"])
        assert _wiped(shop) == {}
        shop.export()
        shop.customers(
            *(row | {"first_name": None, "total_spend": row["total_spend"] + 1} for row in rows[:4]), rows[4]
        )
        expected = 0 if platform == "sendgrid" else 4  # it cannot empty anything
        assert _wiped(shop) == ({"nick": expected} if expected else {})
        shop.export()
        assert _wiped(shop) == {}
        # whoever was never acknowledged with a field is not known to have it
        shop.declare(platform="mails", fields=[{"field": "first_name", "rename": "other"}])
        assert _wiped(shop) == {}


def test_whoever_comes_back_is_counted(shop: Shop) -> None:
    shop.customers(customer("c1"), customer("c2"))
    shop.suppress()
    with account_at(shop, "braze"):
        shop.export()
        shop.customers(customer("c1"), customer("c2"), members=["c2"])
        shop.export()
        shop.customers(customer("c1", first_name=None), customer("c2"))
        assert _wiped(shop) == {"first_name": 1}
