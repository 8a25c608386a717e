"""Identifiers -> customers, on a real engine: what the job reads, skips, keeps and removes."""

from __future__ import annotations

import pytest

from lakehouse.identities.resolution import customer_id
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import CAMPAIGNS, CONSENTS, CONTACTS, LINES, MEMBERS, contact, line

ALL = {
    "contacts": CONTACTS,
    "transactions": LINES,
    "consents": CONSENTS,
    "campaigns": CAMPAIGNS,
    "campaign_members": MEMBERS,
}


def customers(lake: Lake) -> dict[str, str]:
    return {
        f"{row['identifier_type']}:{row['identifier']}": row["customer_id"] for row in lake.rows("silver.identities")
    }


@pytest.mark.both_engines
def test_identifiers_of_contacts_and_references_resolve(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("contacts", contact("k1", email="Ada@example.com", card="LC1", phone="+49 (30) 123-4567"))
    lake.load(
        "transactions",
        line("b1", type="loyalty_id", reference="LC1"),
        line("b2", type="email", reference="eve@example.com"),
    )
    lake.load("campaigns", {"id": "g1", "start": "2017-03-01", "end": "2017-04-01"})
    lake.load("campaign_members", {"campaign": "g1", "contact": "k9"}, {"campaign": "unknown", "contact": "k8"})
    outcome = lake.identities()
    ada = customer_id("crm_id", "k1")
    assert customers(lake) == {
        "crm_id:k1": ada,
        "email:ada@example.com": ada,
        "loyalty_id:LC1": ada,
        "phone:+49301234567": ada,
        "email:eve@example.com": customer_id("email", "eve@example.com"),
        "crm_id:k9": customer_id("crm_id", "k9"),
    }
    assert (outcome.read, outcome.loaded) == (6, 6)


def test_skipped_without_changes_and_unchanged_rows_keep_their_time(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("contacts", contact("k1"), contact("k2"))
    lake.identities()
    assert lake.identities().skipped
    before = dict(lake.values("silver.identities", "identifier", "_updated_at"))
    lake.load("contacts", contact("k1"), contact("k2"), contact("k3"), name="next.csv")
    outcome = lake.identities()
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (3, 1, 2)
    after = dict(lake.values("silver.identities", "identifier", "_updated_at"))
    assert (after["k1"], after["k2"]) == (before["k1"], before["k2"])
    assert after["k3"] > before["k1"]


def test_identifier_that_nothing_mentions_any_more_is_removed(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("contacts", contact("k1"))
    lake.load("transactions", line("b1", reference="typo"))
    lake.identities()
    lake.load("transactions", line("b1", reference="k1", exported="2017-12-01 00:00:00"), name="correction.csv")
    lake.identities()
    assert set(customers(lake)) == {"crm_id:k1"}


def test_deleted_contact_still_resolves(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("contacts", contact("k1", card="LC1"), contact("k2"), contact("k3"))
    lake.load("contacts", contact("k2"), contact("k3"), name="next.csv")
    lake.identities()
    assert customers(lake)["loyalty_id:LC1"] == customer_id("crm_id", "k1")


@pytest.mark.both_engines
def test_a_new_address_leaves_the_former_one_with_the_person(lake: Lake) -> None:
    """Whatever order the versions of the contact arrive in, what was said at the former address stays known as the
    person's."""
    lake.declare(ALL)
    lake.load("transactions", line("b1", type="email", reference="old@example.com", sold="2016-01-01 10:00:00"))
    lake.load(
        "contacts",
        contact("k1", email="new@example.com", modified="2017-03-01T00:00:00Z"),
        contact("k2", email="b@example.com"),
    )
    lake.load("contacts", contact("k1", email="Old@example.com"), contact("k2", email="b@example.com"), name="late.csv")
    lake.identities()
    addresses = [("k1", "new@example.com"), ("k1", "old@example.com"), ("k2", "b@example.com")]
    assert lake.values("silver.contact_identifiers", "contact_id", "identifier") == addresses
    person = customer_id("email", "old@example.com")
    assert customers(lake) == {
        "crm_id:k1": person,
        "email:new@example.com": person,
        "email:old@example.com": person,
        "crm_id:k2": customer_id("crm_id", "k2"),
        "email:b@example.com": customer_id("crm_id", "k2"),
    }
    before = (lake.rows("silver.contact_identifiers"), lake.rows("silver.identities"))
    lake.silver("contacts", is_full=True)
    lake.identities(is_full=True)
    assert (lake.rows("silver.contact_identifiers"), lake.rows("silver.identities")) == before


def test_rebuild_equals_increments(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("transactions", line("b1", type="email", reference="ada@example.com", sold="2016-01-01 10:00:00"))
    lake.identities()
    lake.load("contacts", contact("k1", email="ada@example.com"), contact("k2", email="ada@example.com"))
    lake.identities()
    before = lake.rows("silver.identities")
    assert {row["customer_id"] for row in before} == {customer_id("email", "ada@example.com")}
    lake.identities(is_full=True)
    assert lake.rows("silver.identities") == before
