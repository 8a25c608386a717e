"""Nobody can be mailed whom a slow, obvious reading of everything that was said would not mail.

Random people with random histories of permission, in odd spellings and any order of arrival, go through bronze, silver,
identities and gold on a real engine; the answer is compared with one worked out person by person.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakehouse.activation.consent.firewall import Firewall, Person
from lakehouse.config.settings import settings
from lakehouse.gold.build import build_outdated
from lakehouse.window import BatchWindow
from tests.spark_jobs.conftest import Lake
from tests.support.lakes import rows
from tests.support.lanes import first_fast

CREATED = datetime(2017, 1, 1, tzinfo=UTC)
CONTACTS: dict[str, Any] = {
    "load": "full",
    "mapping": {
        "contact_id": "id",
        "email": "email",
        "loyalty_id": "card",
        "created_at": "created",
        "updated_at": "created",
    },
}
CONSENTS: dict[str, Any] = {
    "load": "increment",
    "mapping": {
        "reference_type": "kind",
        "customer_reference": "reference",
        "channel": "channel",
        "purpose": "purpose",
        "status": "status",
        "changed_at": "at",
    },
}
_SPELLINGS = ("{}", " {}", "mailto:{}", "Jane <{}>", "\u200b{}", "{}\u00a0", "'{}'")
_REJECTED_SPELLINGS = ("{}; other-{}", "call {} please")


@dataclass
class Known:
    """One contact and everything that was said about it, as texts of a delivery."""

    number: int
    said: list[dict[str, str]] = field(default_factory=list)

    @property
    def email(self) -> str:
        return f"p{self.number}@example.com"

    @property
    def references(self) -> dict[str, str]:
        return {"crm_id": f"K{self.number}", "email": self.email, "loyalty_id": f"card-{self.number}"}


def _say(person: Known, chance: random.Random) -> None:
    status = chance.choice(
        ["granted", "granted", "granted", "withdrawn", "withdrawn", "bounced", "complained", "reinstated", "gone"]
    )
    kind = chance.choice(["crm_id", "email", "loyalty_id"])
    reference = person.references[kind]
    if kind == "email":
        spellings = _SPELLINGS if chance.random() < 0.9 else _REJECTED_SPELLINGS
        reference = chance.choice(spellings).format(reference, reference)
    moment = CREATED + timedelta(
        days=chance.randint(-5, 300), hours=chance.randint(0, 23), milliseconds=chance.randint(0, 999)
    )
    at = chance.choice(
        [
            f"{moment:%Y-%m-%d}",
            f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
        ]
    )
    purpose = chance.choice(["marketing", "marketing", "marketing", "transactional"])
    channel = "email" if chance.random() < 0.95 else chance.choice(["sms", "all"])
    person.said.append(
        {"kind": kind, "reference": reference, "channel": channel, "purpose": purpose, "status": status, "at": at}
    )


def _may_be_mailed(person: Known) -> bool:
    """The obvious answer, statement by statement."""
    granted: list[datetime] = []
    refused: list[datetime] = []
    lasting: list[datetime] = []
    lifted: list[datetime] = []
    for said in person.said:
        is_odd = (
            said["status"] == "gone"
            or said["channel"] == "all"
            or "; " in said["reference"]
            or "call " in said["reference"]
        )
        if said["channel"] == "sms":
            continue
        if is_odd:
            if said["status"] in ("granted", "reinstated") or (
                said["status"] == "withdrawn" and said["purpose"] != "marketing"
            ):
                continue
            return False  # a rejected row that may be a refusal
        first, last = _readings(said["at"])
        if said["status"] == "granted" and said["purpose"] == "marketing" and first >= CREATED - timedelta(days=1):
            granted.append(first)
        if said["status"] == "withdrawn" and said["purpose"] == "marketing":
            refused.append(last)
        if said["status"] == "complained":
            refused.append(last)
        if said["status"] in ("complained", "bounced"):
            lasting.append(last)
        if said["status"] == "reinstated":
            lifted.append(first)
    if lasting and not (lifted and max(lifted) >= max(lasting)):
        return False
    return bool(granted) and (not refused or max(granted) > max(refused))


def _readings(at: str) -> tuple[datetime, datetime]:
    """The first and the last moment that a time can mean."""
    if len(at) == 10:
        day = datetime.fromisoformat(at).replace(tzinfo=UTC)
        return day, day + timedelta(days=1, microseconds=-1)
    moment = datetime.fromisoformat(at)
    return moment, moment if "." in at else moment + timedelta(microseconds=999_999)


def _mailable() -> set[str]:
    """Addresses that gold and the firewall let pass."""
    home = settings()
    profiles = rows(
        home.home / "lake", "select customer_id, email, is_mailable from {gold.dim_customers} where email is not null"
    )
    with Firewall(home.lake) as firewall:
        stopped = firewall.reasons([Person(*profile) for profile in profiles])
    return {email for customer_id, email, _ in profiles if customer_id not in stopped}


@pytest.mark.slow
@pytest.mark.parametrize("seed", first_fast([1, 2]))
def test_who_can_be_mailed_is_who_may_be(lake: Lake, seed: int) -> None:
    chance = random.Random(seed)
    people = [Known(number) for number in range(400)]
    for person in people:
        for _ in range(chance.randint(0, 4)):
            _say(person, chance)
    lake.declare({"contacts": CONTACTS, "consents": CONSENTS})
    lake.load(
        "contacts",
        *(
            {
                "id": p.references["crm_id"],
                "email": p.email,
                "card": p.references["loyalty_id"],
                "created": f"{CREATED:%Y-%m-%dT%H:%M:%SZ}",
            }
            for p in people
        ),
    )
    said = [row for person in people for row in person.said]
    chance.shuffle(said)
    half = len(said) // 2
    window = BatchWindow.of(datetime(2018, 1, 1, tzinfo=UTC), datetime(2018, 1, 2, tzinfo=UTC), "gold")
    for number, delivery in enumerate((said[:half], said[half:])):
        lake.load("consents", *delivery, name=f"consents-{number}.csv")
        lake.identities()
        build_outdated(window)
    allowed = {person.email for person in people if _may_be_mailed(person)}
    assert len(allowed) > 20, "the sample must have people of both kinds"
    found = _mailable()
    assert not found - allowed, [json.dumps(p.said) for p in people if p.email in found - allowed][:3]
    assert found == allowed, [json.dumps(p.said) for p in people if p.email in allowed - found][:3]
