"""Exports to platforms, end to end against their simulators: afterwards a platform holds what it should."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.activation import ready
from lakehouse.activation.ready import NotReadyError, await_ready
from lakehouse.activation.sending import remote
from lakehouse.activation.sending.account_caller import Patience
from lakehouse.activation.sending.failures import CredentialsRefusedError, PlatformUnavailableError
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop, assert_balanced, customer
from tests.activation.sending.accounts import NEEDS, account_at
from tests.support.simulators import Simulated

PLATFORMS = list(NEEDS)
WINDOW = BatchWindow(AS_OF, AS_OF, "test", AS_OF)
QUICK = Patience(seconds=20, call_timeout=2, failures=50, pause=0.1)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits ten minutes in a test."""
    made = remote.RemoteDestination.__init__
    monkeypatch.setattr(remote.RemoteDestination, "__init__", lambda self, *given: made(self, *given, patience=QUICK))


def _people(platform: Simulated) -> dict[str, Any]:
    return {person["email"]: person for person in platform.state()["people"].values()}


def _in_audience(platform: Simulated) -> set[str]:
    """Addresses of everybody who has the campaign's marker, in whatever way the platform keeps it."""
    return {email for email, person in _people(platform).items() if _has_marker(person)}


def _has_marker(person: dict[str, Any]) -> bool:
    facts = person["facts"]
    return facts.get("properties", facts).get("audience_thanks") is True


@pytest.mark.parametrize("platform", PLATFORMS)
def test_only_differences_reach_the_platform(shop: Shop, platform: str) -> None:
    people = [customer(f"c{number}") for number in range(5)]
    shop.customers(*people)
    shop.suppress()
    with account_at(shop, platform) as running:
        outcome = shop.export()
        assert (outcome.loaded, outcome.quarantined) == (5, 0)
        assert _in_audience(running) == {f"c{number}@example.com" for number in range(5)}
        received = len(running.requests())
        assert shop.export().skipped and len(running.requests()) == received

        shop.customers(customer("c0", first_name="Eve"), *people[1:4])
        outcome = shop.export()
        assert outcome.loaded == 2 and _in_audience(running) == {f"c{number}@example.com" for number in range(4)}
        written = {email: person["count_written"] for email, person in _people(running).items()}
        assert written == {f"c{number}@example.com": 2 if number in (0, 4) else 1 for number in range(5)}
        assert running.state()["totals"]["count_raised"] == 0
    for receipt in shop.receipts():
        assert_balanced(receipt)


FAULTS: list[dict[str, Any]] = [
    {"fault": "too_many_requests", "seconds": 0},
    {"fault": "too_many_requests", "retry_after": "date", "seconds": 0},
    {"fault": "too_many_requests", "retry_after": "none"},
    {"fault": "server_error", "status": 500},
    {"fault": "server_error", "status": 503, "is_applied": True},
    {"fault": "connection_reset"},
    {"fault": "connection_reset", "is_applied": True},
    {"fault": "accepted_then_timeout"},
    {"fault": "slow", "seconds": 0.3},
]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(str(value) for value in fault.values()))
def test_what_passes_is_survived(shop: Shop, platform: str, fault: dict[str, Any]) -> None:
    """Everybody arrives, with the value that should be there."""
    shop.customers(*(customer(f"c{number}") for number in range(3)))
    shop.suppress()
    with account_at(shop, platform, [fault | {"nth": 1}]) as running:
        assert shop.export().loaded == 3
        assert _in_audience(running) == {f"c{number}@example.com" for number in range(3)}
        assert [each["count_fired"] for each in running.faults()] == [1]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_refused_rows_are_on_record_and_the_others_arrive(shop: Shop, platform: str) -> None:
    shop.customers(*(customer(f"c{number}") for number in range(6)))
    shop.suppress()
    refused = {"fault": "row_errors", "rows": {"key": "c[24]"}, "reason": "not one of ours", "times": 1}
    with account_at(shop, platform, [refused]) as running:
        outcome = shop.export()
        assert (outcome.loaded, outcome.quarantined) == (4, 2)
        assert _in_audience(running) == {f"c{number}@example.com" for number in (0, 1, 3, 5)}
        rejected = {row["customer_id"]: row["reason"] for row in shop.rows("ops/export_records") if row["reason"]}
        said = {"iterable": "invalidDataUserIds"}.get(platform, "not one of ours")  # it names the kind alone
        assert rejected.keys() == {"c2", "c4"} and all(said in reason for reason in rejected.values())


@pytest.mark.parametrize("platform", PLATFORMS)
def test_credentials_that_are_refused(shop: Shop, platform: str) -> None:
    shop.customers(customer("c1"))
    shop.suppress()
    with account_at(shop, platform, [{"fault": "token_expired"}]) as running:
        with pytest.raises(CredentialsRefusedError, match="account mails: the platform refuses the credentials"):
            shop.export()
        assert len(running.requests()) == 1 and not running.state()["people"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_platform_that_stays_down(shop: Shop, platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The export gives up, and the next one sends everybody once."""
    shop.customers(*(customer(f"c{number}") for number in range(3)))
    shop.suppress()
    monkeypatch.setattr(f"{__name__}.QUICK", Patience(seconds=2, call_timeout=1, failures=3, pause=0.2))
    is_down = account_at(shop, platform, [{"fault": "server_error", "status": 502}])
    with is_down, pytest.raises(PlatformUnavailableError, match="account mails"):
        shop.export()
    with account_at(shop, platform) as running:
        assert shop.export().loaded == 3
        assert {person["count_written"] for person in _people(running).values()} == {1}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_ready_is_said_when_a_send_would_find_them(shop: Shop, platform: str) -> None:
    shop.customers(customer("c0"), customer("c1"))
    shop.suppress()
    with account_at(shop, platform) as running:
        assert await_ready("thanks", WINDOW)[0].skipped  # nothing was sent
        shop.export()
        (outcome,) = await_ready("thanks", WINDOW)
        assert outcome.notes and "ready" in outcome.notes[0]
        received = len(running.requests())
        assert await_ready("thanks", WINDOW)[0].skipped and len(running.requests()) == received
        shop.customers(customer("c0"), customer("c1"), members=["c0"])
        shop.export()
        assert await_ready("thanks", WINDOW)[0].notes  # c1 has left the audience


@pytest.mark.parametrize("platform", [name for name in PLATFORMS if name != "customerio"])  # it cannot be read
def test_rows_that_a_platform_skipped_without_a_word_are_noticed(
    shop: Shop, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "PATIENCE_SECONDS", 1.0)
    shop.customers(customer("c0"))
    shop.suppress()
    with account_at(shop, platform, [{"fault": "silent_skip", "times": 1}]):
        assert shop.export().loaded == 1
        with pytest.raises(NotReadyError, match="1 of the customers that were looked for are not as they were sent"):
            await_ready("thanks", WINDOW)
