"""Rejected rows hold people back from mail until they are repaired or dismissed."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.config.settings import settings
from lakehouse.quality.dismissals import dismiss
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import CONSENTS, CONTACTS

CONSENT: dict[str, str | None] = {
    "type": "crm_id",
    "reference": "7",
    "event": "withdrawn",
    "at": "2017-05-01T00:00:00Z",
}
CONTACT: dict[str, str | None] = {
    "id": "7",
    "email": "a@example.com",
    "card": "L7",
    "created": "2017-01-01T00:00:00Z",
    "modified": "2017-01-01T00:00:00Z",
}


def _holds(lake: Lake) -> list[tuple[Any, ...]]:
    return lake.values("silver.mail_holds", "identifier_type", "identifier", "reason")


@pytest.mark.slow
def test_a_word_nobody_knows_holds_the_person_back_until_the_row_is_dismissed(lake: Lake) -> None:
    lake.declare({"consents": CONSENTS})
    lake.load("consents", CONSENT | {"event": "unsubscribed"}, CONSENT | {"event": "opt_in"})
    lake.identities()
    assert _holds(lake) == [("crm_id", "7", "possible_refusal")]
    version = lake.rows("silver.mail_holds")
    lake.identities()
    assert lake.rows("silver.mail_holds") == version
    assert dismiss(settings().lake, "consents", "a test entry", rule="consents.status.allowed") == 1
    assert dismiss(settings().lake, "consents", "a test entry", rule="consents.status.allowed") == 0
    lake.identities()
    assert _holds(lake) == []


def test_several_addresses_in_one_field_are_all_held_back(lake: Lake) -> None:
    lake.declare({"consents": CONSENTS})
    lake.load("consents", CONSENT | {"type": "email", "reference": "a@example.com; B@example.com"}, CONSENT)
    lake.identities()
    assert _holds(lake) == [
        ("email", "a@example.com", "possible_refusal"),
        ("email", "b@example.com", "possible_refusal"),
    ]


@pytest.mark.slow
def test_a_contact_whose_newest_row_was_rejected_is_not_mailed_at_its_old_address(lake: Lake) -> None:
    lake.declare({"contacts": CONTACTS | {"load": "increment"}})
    lake.load("contacts", CONTACT, CONTACT | {"id": "8", "email": "b@example.com", "card": "L8"})
    broken = {"modified": "yesterday"}
    lake.load(
        "contacts",
        CONTACT | broken | {"email": "new@example.com"},
        CONTACT | broken | {"id": "8", "email": "b@example.com", "card": "L8"},
        name="second.csv",
    )
    lake.identities()
    assert _holds(lake) == [("crm_id", "7", "address_out_of_date")]
    lake.load("contacts", CONTACT | {"email": "new@example.com", "modified": "2017-06-01T00:00:00Z"}, name="third.csv")
    lake.identities()
    assert _holds(lake) == []
