"""Mailchimp: nobody's subscription is raised, and who does not want mail is known."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.activation.destinations.mailchimp_fields import tag_of
from lakehouse.activation.destinations.platform import Answer, Call
from lakehouse.activation.sending.account_caller import AccountCaller
from tests.activation.conftest import Shop, customer
from tests.activation.sending.accounts import account_at, in_audience, people_at


def test_states_stay_as_they_are(shop: Shop) -> None:
    """New people are contacts without a subscription; everybody else keeps what they have."""
    shop.customers(*(customer(f"c{number}") for number in range(4)))
    shop.suppress()
    with account_at(shop, "mailchimp") as running:
        running.happened("c1@example.com", "subscribed")
        running.happened("c2@example.com", "unsubscribed")
        running.happened("c3@example.com", "erased")
        outcome = shop.export()
        assert (outcome.loaded, outcome.quarantined) == (3, 1)
        states = {email[:2]: person["subscription"] for email, person in people_at(running).items()}
        assert states == {"c0": "transactional", "c1": "subscribed", "c2": "unsubscribed"}
        (rejected,) = (row for row in shop.rows("ops/export_records") if row["reason"])
        assert "permanently deleted" in rejected["reason"] and "c3@" not in rejected["reason"]
        shop.customers(customer("c1"))
        shop.export()
        assert in_audience(running) == {"c1@example.com"} and len(people_at(running)) == 3
        assert running.state()["totals"]["count_raised"] == 0


@pytest.mark.slow
def test_attributes_are_merge_fields(shop: Shop) -> None:
    shop.customers(customer("c0", first_name="Eve"))
    shop.suppress()
    with account_at(shop, "mailchimp") as running:
        shop.export()
        held: dict[str, Any] = people_at(running)["c0@example.com"]["facts"]["merge_fields"]
        assert held == {"FNAME": "Eve", tag_of("total_spend"): 12.3}
        shop.customers(customer("c0", first_name=None))
        shop.export()
        assert people_at(running)["c0@example.com"]["facts"]["merge_fields"]["FNAME"] == ""


def test_who_was_made_by_a_call_without_an_answer_is_taken(shop: Shop) -> None:
    """The repeated call finds them there: that is no refusal."""
    shop.customers(customer("c0"), customer("c1"))
    shop.suppress()
    made = {"fault": "server_error", "path": "^POST /3.0/lists/[^/]+$", "nth": 2, "is_applied": True}
    with account_at(shop, "mailchimp", [made]) as running:
        outcome = shop.export()
        assert [each["count_fired"] for each in running.faults()] == [1]
        assert (outcome.loaded, outcome.quarantined) == (2, 0)
        assert in_audience(running) == {"c0@example.com", "c1@example.com"}
        assert shop.export().skipped


@pytest.mark.slow
def test_who_refuses_between_the_two_calls_is_removed_by_the_next_export(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first call has written to a member who is there; the second, for new ones, is not made for them."""
    shop.customers(customer("c0"), customer("c1"))
    shop.suppress()
    send = AccountCaller._send

    async def withdrawn_after_it(self: AccountCaller, call: Call) -> Answer:
        answer = await send(self, call)
        if "skip_merge_validation" in call.path:
            shop.suppress("c1@example.com")
        return answer

    with account_at(shop, "mailchimp") as running:
        running.happened("c1@example.com", "subscribed")
        with monkeypatch.context() as withdrawing:
            withdrawing.setattr(AccountCaller, "_send", withdrawn_after_it)
            assert shop.export().loaded == 1
        assert in_audience(running) == {"c0@example.com", "c1@example.com"}
        shop.export()
        assert in_audience(running) == {"c0@example.com"}


@pytest.mark.parametrize(
    ("name", "tag"),
    [("first_name", "FNAME"), ("city", "CITY"), ("city_of_me", "CITY_OF_ME"), ("total_spend", "TOTAL_799E")],
)
def test_tags(name: str, tag: str) -> None:
    assert tag_of(name) == tag
