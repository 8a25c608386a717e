"""Connected components, the guard rail, and ids that depend on the data alone."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.contracts import CUSTOMER_IDS, arrow_schema
from lakehouse.identities.ledger import customer_id
from lakehouse.identities.resolution import Facts, Guard, Resolution, resolve

CONTACTS = pa.schema(
    [(name, pa.string()) for name in ("crm_id", "email", "loyalty_id", "phone")]
    + [("created_at", pa.timestamp("us", tz="UTC")), ("is_deleted", pa.bool_())]
)
OF_CONTACTS = pa.schema([(name, pa.string()) for name in ("contact_id", "identifier_type", "identifier")])
REFERENCES = pa.schema(
    [("identifier_type", pa.string()), ("identifier", pa.string()), ("first_seen_at", pa.timestamp("us", tz="UTC"))]
)


def day(number: int) -> datetime:
    return datetime(2017, 1, number, tzinfo=UTC)


def contact(crm_id: str, created: int, is_deleted: bool = False, **identifiers: str) -> dict[str, Any]:
    return {"crm_id": crm_id, "created_at": day(created), "is_deleted": is_deleted} | identifiers


def reference(kind: str, identifier: str, seen: int) -> dict[str, Any]:
    return {"identifier_type": kind, "identifier": identifier, "first_seen_at": day(seen)}


def resolution(
    contacts: list[dict[str, Any]],
    references: list[dict[str, Any]] | None = None,
    limit: int = 5,
    had: list[tuple[str, str]] | None = None,
    ledger: pa.Table | None = None,
    now: datetime = datetime(2018, 1, 1, tzinfo=UTC),
) -> Resolution:
    named = [
        {"contact_id": contact_id, "identifier_type": "email" if "@" in name else "loyalty_id", "identifier": name}
        for contact_id, name in had or []
    ]
    of_contacts = pa.Table.from_pylist(named, schema=OF_CONTACTS)
    facts = Facts(
        pa.Table.from_pylist(contacts, schema=CONTACTS),
        pa.Table.from_pylist(references or [], schema=REFERENCES),
        of_contacts,
        ledger or arrow_schema(CUSTOMER_IDS.columns).empty_table(),
    )
    return resolve(facts, Guard(limit), now)


def resolved(
    contacts: list[dict[str, Any]],
    references: list[dict[str, Any]] | None = None,
    limit: int = 5,
    had: list[tuple[str, str]] | None = None,
) -> dict[str, dict[str, Any]]:
    return by_name(resolution(contacts, references, limit, had))


def by_name(found: Resolution) -> dict[str, dict[str, Any]]:
    return {f"{row['identifier_type']}:{row['identifier']}": row for row in found.rows.to_pylist()}


def test_identifiers_of_one_contact_are_one_customer() -> None:
    rows = resolved([contact("k1", 3, email="a@x.de", loyalty_id="L1", phone="+491234567")])
    assert {row["customer_id"] for row in rows.values()} == {customer_id("crm_id", "k1")}
    assert {name: row["rule"] for name, row in rows.items()} == {
        "crm_id:k1": "root",
        "email:a@x.de": "same_contact",
        "loyalty_id:L1": "same_contact",
        "phone:+491234567": "same_contact",
    }
    assert {row["linked_at"] for row in rows.values()} == {day(3)}


def test_shared_identifier_joins_contacts_and_the_oldest_names_them() -> None:
    rows = resolved(
        [contact("k2", 2, email="a@x.de", loyalty_id="L2"), contact("k1", 5, email="a@x.de", phone="+491234567")]
    )
    assert {row["customer_id"] for row in rows.values()} == {customer_id("crm_id", "k2")}
    assert {name: (row["rule"], row["linked_at"]) for name, row in rows.items()} == {
        "crm_id:k2": ("root", day(2)),
        "email:a@x.de": ("same_contact", day(2)),
        "loyalty_id:L2": ("same_contact", day(2)),
        "crm_id:k1": ("shared_identifier", day(5)),
        "phone:+491234567": ("shared_identifier", day(5)),
    }


def test_link_is_as_young_as_the_youngest_contact_it_needs() -> None:
    rows = resolved(
        [
            contact("k1", 1, email="a@x.de"),
            contact("k2", 2, phone="+491234567"),
            contact("k3", 9, email="a@x.de", phone="+491234567"),
        ]
    )
    assert (
        rows["phone:+491234567"]["linked_at"]
        == rows["crm_id:k2"]["linked_at"]
        == rows["crm_id:k3"]["linked_at"]
        == day(9)
    )
    assert rows["email:a@x.de"]["linked_at"] == day(1)


def test_earlier_event_makes_an_identifier_the_oldest() -> None:
    rows = resolved([contact("k1", 5, email="a@x.de")], [reference("email", "a@x.de", 2)])
    assert {row["customer_id"] for row in rows.values()} == {customer_id("email", "a@x.de")}
    assert rows["email:a@x.de"]["first_seen_at"] == day(2)


def test_same_age_is_decided_by_type_then_text() -> None:
    rows = resolved([contact("k2", 1, email="a@x.de", loyalty_id="L1"), contact("k1", 1, email="a@x.de")])
    assert {row["customer_id"] for row in rows.values()} == {customer_id("crm_id", "k1")}


@pytest.mark.parametrize(("count", "is_linked"), [(5, True), (6, False)])
def test_identifier_on_too_many_contacts_links_nobody(count: int, is_linked: bool) -> None:
    rows = resolved([contact(f"k{number}", 1, email="family@x.de") for number in range(count)])
    assert len({rows[f"crm_id:k{number}"]["customer_id"] for number in range(count)}) == (1 if is_linked else count)
    assert ("email:family@x.de" in rows) == is_linked


def test_widely_shared_identifier_that_is_referred_to_is_a_customer_of_its_own() -> None:
    rows = resolved(
        [contact(f"k{number}", 1, email="family@x.de") for number in range(6)], [reference("email", "family@x.de", 4)]
    )
    row = rows["email:family@x.de"]
    assert (row["rule"], row["customer_id"], row["first_seen_at"]) == (
        "too_widely_shared",
        customer_id("email", "family@x.de"),
        day(4),
    )


def test_reference_without_contact_is_a_customer_of_its_own() -> None:
    rows = resolved([], [reference("loyalty_id", "L9", 4), reference("loyalty_id", "L9", 3)])
    assert [(row["rule"], row["customer_id"], row["first_seen_at"]) for row in rows.values()] == [
        ("reference_only", customer_id("loyalty_id", "L9"), day(3))
    ]


def test_nobody_at_all() -> None:
    assert resolved([]) == {}


def test_order_of_rows_does_not_matter() -> None:
    chance = random.Random(7)
    contacts = [
        contact(f"k{number}", number % 5 + 1, email=f"e{number % 7}@x.de", phone=f"+49123456{number % 11}")
        for number in range(40)
    ]
    references = [reference("email", f"e{number}@x.de", number + 1) for number in range(9)]
    expected = resolved(contacts, references)
    for _ in range(5):
        chance.shuffle(contacts)
        chance.shuffle(references)
        assert resolved(contacts, references) == expected


def test_a_former_address_stays_with_the_person() -> None:
    """What was bought and said at it was there first, so the person is still named after it."""
    had = [("k1", "old@x.de"), ("k1", "new@x.de"), ("k2", "b@x.de")]
    rows = resolved(
        [contact("k1", 3, email="new@x.de"), contact("k2", 4, email="b@x.de")],
        [reference("email", "old@x.de", 1)],
        had=had,
    )
    assert {name: (row["customer_id"], row["rule"]) for name, row in rows.items()} == {
        "email:old@x.de": (customer_id("email", "old@x.de"), "root"),
        "crm_id:k1": (customer_id("email", "old@x.de"), "same_contact"),
        "email:new@x.de": (customer_id("email", "old@x.de"), "same_contact"),
        "crm_id:k2": (customer_id("crm_id", "k2"), "root"),
        "email:b@x.de": (customer_id("crm_id", "k2"), "same_contact"),
    }
    later = resolved([contact("k1", 3, email="new@x.de")], [reference("email", "old@x.de", 9)], had=had)
    assert (later["email:old@x.de"]["customer_id"], later["email:old@x.de"]["rule"]) == (
        customer_id("crm_id", "k1"),
        "former_identifier",
    )


def test_a_former_loyalty_id_stays_with_the_person() -> None:
    rows = resolved(
        [contact("k1", 3, loyalty_id="L1b")], [reference("loyalty_id", "L1", 9)], had=[("k1", "L1"), ("k1", "L1b")]
    )
    assert (rows["loyalty_id:L1"]["customer_id"], rows["loyalty_id:L1"]["rule"]) == (
        customer_id("crm_id", "k1"),
        "former_identifier",
    )


def test_an_address_that_passed_from_one_person_to_another_links_nobody() -> None:
    had = [("k1", "old@x.de"), ("k2", "old@x.de")]
    rows = resolved([contact("k1", 3), contact("k2", 4)], [reference("email", "old@x.de", 9)], had=had)
    assert rows["email:old@x.de"]["rule"] == "reference_only"
    assert len({row["customer_id"] for row in rows.values()}) == 3


def test_an_address_that_a_contact_has_now_is_no_former_one() -> None:
    rows = resolved([contact("k1", 3, email="new@x.de"), contact("k2", 4, email="old@x.de")], had=[("k1", "old@x.de")])
    assert rows["email:old@x.de"]["customer_id"] == customer_id("crm_id", "k2")


def test_a_deleted_duplicate_stays_with_its_person_and_a_deleted_mistake_links_nobody() -> None:
    people = [contact("k1", 1, email="a@x.de"), contact("k2", 2, loyalty_id="L2")]
    duplicate = resolved([*people, contact("k3", 3, is_deleted=True, email="a@x.de", phone="+491234567")])
    assert (
        duplicate["crm_id:k3"]["customer_id"]
        == duplicate["phone:+491234567"]["customer_id"]
        == customer_id("crm_id", "k1")
    )
    mistake = resolved(
        [*people, contact("k3", 3, is_deleted=True, email="a@x.de", loyalty_id="L2", phone="+491234567")]
    )
    assert mistake["email:a@x.de"]["customer_id"] == customer_id("crm_id", "k1")
    assert mistake["loyalty_id:L2"]["customer_id"] == customer_id("crm_id", "k2")
    assert (
        mistake["crm_id:k3"]["customer_id"] == mistake["phone:+491234567"]["customer_id"] == customer_id("crm_id", "k3")
    )
