"""Exports to platforms, end to end against their simulators: afterwards a platform holds what it should."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.activation import ready
from lakehouse.activation.destinations.platform import Answer, Call
from lakehouse.activation.ready import NotReadyError, look_for_export
from lakehouse.activation.sending.account_caller import AccountCaller
from lakehouse.activation.sending.failures import CredentialsRefusedError, PlatformUnavailableError
from lakehouse.activation.sending.patience import Patience
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop, assert_balanced, customer
from tests.activation.sending import accounts
from tests.activation.sending.accounts import NEEDS, PASSING, account_at, in_audience, people_at
from tests.support.lanes import all_pairs, first_fast

PLATFORMS = list(NEEDS)
TELLING = ("listmonk", "mailchimp")  # whose answers say whom they took
TRIES = {"mailchimp": 2}  # whom it refuses as a member it may take as a new one
WINDOW = BatchWindow(AS_OF, AS_OF, "test", AS_OF)


@pytest.mark.slow
@pytest.mark.parametrize("platform", PLATFORMS)
def test_only_differences_reach_the_platform(shop: Shop, platform: str) -> None:
    people = [customer(f"c{number}") for number in range(5)]
    shop.customers(*people)
    shop.suppress()
    with account_at(shop, platform) as running:
        outcome = shop.export()
        assert (outcome.loaded, outcome.quarantined) == (5, 0)
        assert in_audience(running) == {f"c{number}@example.com" for number in range(5)}
        received = len(running.requests())
        assert shop.export().skipped and len(running.requests()) == received

        shop.customers(customer("c0", first_name="Eve"), *people[1:4])
        outcome = shop.export()
        assert outcome.loaded == 2 and in_audience(running) == {f"c{number}@example.com" for number in range(4)}
        written = {email: person["count_written"] for email, person in people_at(running).items()}
        assert written == {f"c{number}@example.com": 2 if number in (0, 4) else 1 for number in range(5)}
        assert running.state()["totals"]["count_raised"] == 0
    for receipt in shop.receipts():
        assert_balanced(receipt)


FAULTS = [PASSING[0], {"fault": "too_many_requests", "retry_after": "date", "seconds": 0}, *PASSING[1:]]


@pytest.mark.parametrize(
    ("platform", "fault"),
    all_pairs(PLATFORMS, FAULTS),
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value,
)
def test_what_passes_is_survived(shop: Shop, platform: str, fault: dict[str, Any]) -> None:
    """Everybody arrives, with the value that should be there."""
    shop.customers(*(customer(f"c{number}") for number in range(3)))
    shop.suppress()
    with account_at(shop, platform, [fault | {"nth": 1}]) as running:
        assert shop.export().loaded == 3
        assert in_audience(running) == {f"c{number}@example.com" for number in range(3)}
        assert [each["count_fired"] for each in running.faults()] == [1]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_refused_rows_are_on_record_and_the_others_arrive(shop: Shop, platform: str) -> None:
    shop.customers(*(customer(f"c{number}") for number in range(6)))
    shop.suppress()
    times = TRIES.get(platform, 1)
    refused = {"fault": "row_errors", "rows": {"key": "c[24]"}, "reason": "not one of ours", "times": times}
    with account_at(shop, platform, [refused]) as running:
        outcome = shop.export()
        assert (outcome.loaded, outcome.quarantined) == (4, 2)
        assert in_audience(running) == {f"c{number}@example.com" for number in (0, 1, 3, 5)}
        rejected = {row["customer_id"]: row["reason"] for row in shop.rows("ops/export_records") if row["reason"]}
        # iterable names the kind alone, and sendgrid nothing
        said = {"iterable": "invalidDataUserIds", "sendgrid": "did not take"}.get(platform, "not one of ours")
        assert rejected.keys() == {"c2", "c4"} and all(said in reason for reason in rejected.values())


@pytest.mark.parametrize("platform", PLATFORMS)
def test_credentials_that_are_refused(shop: Shop, platform: str) -> None:
    shop.customers(customer("c1"))
    shop.suppress()
    with account_at(shop, platform, [{"fault": "token_expired"}]) as running:
        with pytest.raises(CredentialsRefusedError, match="account mails: the platform refuses the credentials"):
            shop.export()
        assert len(running.requests()) == 1 and not running.state()["people"]


@pytest.mark.parametrize("platform", first_fast(PLATFORMS))
def test_a_platform_that_stays_down(shop: Shop, platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The export gives up, and the next one sends everybody once."""
    shop.customers(*(customer(f"c{number}") for number in range(3)))
    shop.suppress()
    monkeypatch.setattr(accounts, "QUICK", Patience(seconds=1, call_timeout=1, failures=3, pause=0.2))
    is_down = account_at(shop, platform, [{"fault": "server_error", "status": 502}])
    with is_down, pytest.raises(PlatformUnavailableError, match="account mails"):
        shop.export()
    with account_at(shop, platform) as running:
        assert shop.export().loaded == 3
        assert {person["count_written"] for person in people_at(running).values()} == {1}


@pytest.mark.parametrize("platform", first_fast(PLATFORMS, 2))
def test_ready_is_said_when_a_send_would_find_them(shop: Shop, platform: str) -> None:
    shop.customers(customer("c0"), customer("c1"))
    shop.suppress()
    with account_at(shop, platform) as running:
        assert look_for_export("thanks", WINDOW)[0].skipped  # nothing was sent
        shop.export()
        (outcome,) = look_for_export("thanks", WINDOW)
        assert outcome.notes and "ready" in outcome.notes[0]
        received = len(running.requests())
        assert look_for_export("thanks", WINDOW)[0].skipped and len(running.requests()) == received
        shop.customers(customer("c0"), customer("c1"), members=["c0"])
        shop.export()
        assert look_for_export("thanks", WINDOW)[0].notes  # c1 has left the audience


@pytest.mark.parametrize("platform", first_fast(name for name in PLATFORMS if name not in ("customerio", *TELLING)))
def test_rows_that_a_platform_skipped_without_a_word_are_noticed(
    shop: Shop, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customers(customer("c0"))
    shop.suppress()
    with account_at(shop, platform, [{"fault": "silent_skip", "times": 1}]):
        assert shop.export().loaded == 1
        assert look_for_export("thanks", WINDOW)[0].is_pending
        monkeypatch.setattr(ready, "PATIENCE_SECONDS", 0.0)
        with pytest.raises(NotReadyError, match="1 of the customers that were looked for are not as they were sent"):
            look_for_export("thanks", WINDOW)


@pytest.mark.parametrize("platform", first_fast(TELLING))
def test_rows_that_an_answer_does_not_mention_are_rejected(shop: Shop, platform: str) -> None:
    shop.customers(customer("c0"), customer("c1"))
    shop.suppress()
    times = TRIES.get(platform, 1)
    with account_at(shop, platform, [{"fault": "silent_skip", "rows": {"key": "c0"}, "times": times}]) as running:
        outcome = shop.export()
        assert (outcome.loaded, outcome.quarantined) == (1, 1)
        assert shop.export().loaded == 1 and in_audience(running) == {"c0@example.com", "c1@example.com"}


@pytest.mark.slow
def test_who_is_forgotten_at_a_platform_is_written_to_by_none(shop: Shop) -> None:
    """Iterable refuses who asked to be forgotten: that is a refusal, here and for every other account."""
    shop.customers(customer("c0"), customer("c1"))
    shop.suppress()
    forgotten = {"fault": "row_errors", "rows": {"key": "c1"}, "reason": "forgotten", "times": 1}
    with account_at(shop, "iterable", [forgotten]) as running:
        assert shop.export().quarantined == 1
        assert [row["customer_id"] for row in shop.rows("ops/platform_refusals")] == ["c1"]
        received = len(running.requests())
        assert shop.export().skipped and len(running.requests()) == received
    shop.declare(platform="outbox")
    outcome = shop.export()
    assert (outcome.loaded, outcome.quarantined) == (1, 1)
    shop.customers(
        customer("c0"), customer("other", email="C1@example.com ")
    )  # the address belongs to somebody else now
    assert shop.export().quarantined == 1


@pytest.mark.slow
def test_who_refuses_while_a_call_is_repeated_is_removed_by_the_next_export(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt was applied without an answer; the second is not made, for consent was withdrawn between."""
    shop.customers(customer("c0"), customer("c1"))
    shop.suppress()
    send = AccountCaller._send

    async def withdrawn_after_it(self: AccountCaller, call: Call) -> Answer:
        try:
            return await send(self, call)
        finally:
            if call.method == "POST":
                shop.suppress("c1@example.com")

    with account_at(shop, "klaviyo", [{"fault": "server_error", "nth": 1, "is_applied": True}]) as running:
        with monkeypatch.context() as withdrawing:
            withdrawing.setattr(AccountCaller, "_send", withdrawn_after_it)
            assert shop.export().loaded == 1
        assert in_audience(running) == {"c0@example.com", "c1@example.com"}
        shop.export()
        assert in_audience(running) == {"c0@example.com"}
