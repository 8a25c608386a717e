"""A shop whose campaign goes to an account at a simulated platform."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from lakehouse.activation.sending.patience import Patience
from lakehouse.storage.ops_tables import record
from tests.activation.conftest import Shop
from tests.support.simulators import TOKEN, Simulated, simulated

# What an account at each platform must declare besides its secret.
NEEDS: dict[str, dict[str, str]] = {
    "braze": {},
    "customerio": {"user": "site"},
    "iterable": {},
    "klaviyo": {},
    "listmonk": {"user": "api", "list": "1"},
    "mailchimp": {"list": "5imu1a7ed0"},
    "sendgrid": {},
}


# Faults that pass: an export ends well all the same.
PASSING: list[dict[str, Any]] = [
    {"fault": "too_many_requests", "seconds": 0},
    {"fault": "too_many_requests", "retry_after": "none"},
    {"fault": "server_error", "status": 500},
    {"fault": "server_error", "status": 503, "is_applied": True},
    {"fault": "connection_reset"},
    {"fault": "connection_reset", "is_applied": True},
    {"fault": "accepted_then_timeout"},
    {"fault": "slow", "seconds": 0.3},
]

# Nobody waits ten minutes in a test.
QUICK = Patience(seconds=20, call_timeout=2, failures=50, pause=0.1)


@contextmanager
def account_at(
    shop: Shop,
    platform: str,
    faults: list[dict[str, Any]] | None = None,
    limits: dict[str, Any] | None = None,
    simulator: str = "",
    **options: Any,
) -> Iterator[Simulated]:
    """A simulator at work, with the shop's campaign `thanks` going to an account `mails` of it."""
    before = os.environ.get("MAILS_KEY")
    os.environ["MAILS_KEY"] = TOKEN
    try:
        user = NEEDS[platform].get("user")
        token = f"{user}:{TOKEN}" if user else TOKEN
        with simulated(simulator or platform, faults or (), token=token, **options) as running:
            declare(shop, platform, running.url, limits)
            yield running
    finally:
        os.environ.pop("MAILS_KEY") if before is None else os.environ.update(MAILS_KEY=before)


def people_at(platform: Simulated) -> dict[str, Any]:
    """What the platform holds of each person, by address. What it keeps by the id of a field is named."""
    state = platform.state()
    for person in state["people"].values():
        by_id = person["facts"].pop("custom_fields", {})
        person["facts"] |= {state["fields"][id]["name"]: value for id, value in by_id.items()}
    return {person["email"]: person for person in state["people"].values()}


def in_audience(platform: Simulated) -> set[str]:
    """Addresses of everybody who has the campaign's marker, in whatever way the platform keeps it."""
    return {email for email, person in people_at(platform).items() if has_marker(person)}


def has_marker(person: dict[str, Any]) -> bool:
    """Whether a person of the platform's state is in the audience: by a tag, or a fact, possibly
    one level below, as text where nothing is true or false."""
    if "audience_thanks" in person["memberships"]:
        return True
    places = [person["facts"], *(inner for inner in person["facts"].values() if isinstance(inner, dict))]
    return any(place.get("audience_thanks") in (True, "true") for place in places)


def changed_by_a_full_send(shop: Shop, platform: Simulated) -> int:
    """Whom an export changes at the platform that sends everybody with the whole payload: nobody, if all was right.

    Deliveries without an answer are what makes an export do so.
    """
    people = platform.state()["totals"]["count_changed"]
    of_export = {"export_id": "thanks-00000-lost", "campaign_id": "thanks", "platform": "mails"}
    customers = {row["customer_id"] for row in shop.rows("ops/export_records")}
    now = datetime.now(UTC)
    attempts = [of_export | {"customer_id": customer_id, "attempted_at": now} for customer_id in sorted(customers)]
    record("export_attempts", attempts, str(shop.lake))
    assert shop.export().quarantined == 0
    changed: int = platform.state()["totals"]["count_changed"] - people
    return changed


def declare(shop: Shop, platform: str, url: str, limits: dict[str, Any] | None = None) -> None:
    """Write destinations.yml and campaigns.yml."""
    account = {"destination": platform, "base_url": url, "secret": "${MAILS_KEY}", "limits": limits or {}}
    accounts = {"accounts": {"mails": account | NEEDS[platform]}}
    (shop.conf / "destinations.yml").write_text(json.dumps(accounts))
    shop.declare(platform="mails")
