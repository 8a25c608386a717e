"""A customer_id is issued once: what arrives late, a merge and a split leave issued ids alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from lakehouse.identities.ledger import customer_id
from tests.identities.test_resolution import by_name, contact, reference, resolution

START = datetime(2018, 1, 1, tzinfo=UTC)
K1, K2 = customer_id("crm_id", "k1"), customer_id("crm_id", "k2")


class Days:
    """Runs of identities, one a day, with one ledger."""

    def __init__(self) -> None:
        self.ledger: pa.Table | None = None
        self.count = 0

    def run(self, contacts: list[dict[str, Any]], *references: dict[str, Any]) -> dict[str, dict[str, Any]]:
        self.count += 1
        now = START + timedelta(days=self.count)
        found = resolution(contacts, list(references), ledger=self.ledger, now=now)
        self.ledger = found.assigned if self.ledger is None else pa.concat_tables([self.ledger, found.assigned])
        return by_name(found)


def ids(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: row["customer_id"] for name, row in rows.items()}


def test_ids_have_80_bits() -> None:
    assert len(K1) == 1 + 20


def test_an_older_purchase_that_arrives_late_leaves_the_id() -> None:
    days, person = Days(), [contact("k1", 5, email="a@x.de")]
    days.run(person)
    rows = days.run(person, reference("email", "a@x.de", 1))
    assert ids(rows) == {"crm_id:k1": K1, "email:a@x.de": K1}
    assert rows["email:a@x.de"]["rule"] == "root", "it is the oldest identifier all the same"
    assert {row["former_customer_ids"] for row in rows.values()} == {None}


def test_a_contact_of_somebody_who_was_known_by_an_address_gets_the_id() -> None:
    days = Days()
    days.run([], reference("email", "a@x.de", 3))
    rows = days.run([contact("k1", 1, email="a@x.de")], reference("email", "a@x.de", 3))
    assert ids(rows) == dict.fromkeys(("crm_id:k1", "email:a@x.de"), customer_id("email", "a@x.de"))


def test_a_merge_keeps_the_id_that_was_issued_first_and_records_the_other() -> None:
    days = Days()
    younger, older = contact("k2", 9, email="b@x.de"), contact("k1", 1, email="a@x.de")
    days.run([younger])
    days.run([younger, older])
    rows = days.run([younger, older | {"email": "b@x.de"}])
    assert set(ids(rows).values()) == {K2}
    assert rows["crm_id:k1"]["former_customer_ids"] == [K1]
    assert rows["crm_id:k2"]["former_customer_ids"] is None


def test_ids_of_one_day_merge_into_that_of_the_older_contact() -> None:
    days = Days()
    people = [contact("k2", 1), contact("k1", 5)]
    days.run(people)
    rows = days.run([row | {"email": "a@x.de"} for row in people])
    assert set(ids(rows).values()) == {K2}


def test_a_merge_that_is_undone_gives_both_their_ids_back() -> None:
    days = Days()
    apart = [contact("k1", 1, email="a@x.de"), contact("k2", 2, email="b@x.de")]
    before = days.run(apart)
    days.run([apart[0], apart[1] | {"email": "a@x.de"}])
    rows = days.run(apart)
    assert ids(rows) == ids(before)
    assert rows["crm_id:k2"]["former_customer_ids"] == [K1]


def test_two_who_were_one_from_the_beginning_part() -> None:
    """The contact that is older in the CRM keeps the id; the other gets one that nobody has had."""
    days = Days()
    days.run([contact("k1", 1, email="a@x.de"), contact("k2", 2, email="a@x.de")])
    rows = days.run([contact("k1", 1, email="a@x.de"), contact("k2", 2, email="b@x.de")])
    assert ids(rows) == {"crm_id:k1": K1, "email:a@x.de": K1, "crm_id:k2": K2, "email:b@x.de": K2}


def test_the_id_stays_with_the_contact_when_its_address_passes_on() -> None:
    """The id was issued for the address, which somebody else has now: that person gets a new one."""
    days = Days()
    days.run([], reference("email", "a@x.de", 1))
    days.run([contact("k1", 2, email="a@x.de")], reference("email", "a@x.de", 1))
    rows = days.run(
        [contact("k1", 2, email="new@x.de"), contact("k2", 8, email="a@x.de")], reference("email", "a@x.de", 1)
    )
    first = customer_id("email", "a@x.de")
    assert ids(rows) == {
        "crm_id:k1": first,
        "email:new@x.de": first,
        "crm_id:k2": K2,
        "email:a@x.de": K2,
    }


def test_an_id_that_was_issued_to_others_is_never_issued_again() -> None:
    """k1's id goes with the contact of the card; what is left of the person is named otherwise, and otherwise each
    time."""
    days = Days()
    days.run([], reference("loyalty_id", "l1", 1))
    days.run([contact("k1", 2, loyalty_id="l1")], reference("loyalty_id", "l1", 1))
    alone = days.run([contact("k1", 2)], reference("loyalty_id", "l1", 1))
    assert alone["crm_id:k1"]["customer_id"] == customer_id("loyalty_id", "l1")
    assert alone["loyalty_id:l1"]["customer_id"] == customer_id("loyalty_id", "l1", 2)


def test_an_identifier_that_comes_back_has_the_id_it_had() -> None:
    days = Days()
    days.run([contact("k1", 1)], reference("email", "a@x.de", 1))
    gone = days.run([contact("k1", 1)])
    assert "email:a@x.de" not in gone
    rows = days.run([contact("k1", 1)], reference("email", "a@x.de", 7))
    assert rows["email:a@x.de"]["customer_id"] == customer_id("email", "a@x.de")
    assert days.ledger is not None
    assert days.ledger.num_rows == 2


def test_what_a_killed_run_has_issued_stays() -> None:
    """The ledger is written first; when the table was not, the next run finds the same ids, without issuing any."""
    days = Days()
    days.run([contact("k1", 1, email="a@x.de")])
    assert days.ledger is not None
    issued = days.ledger.num_rows
    assert set(ids(days.run([contact("k1", 1, email="a@x.de")])).values()) == {K1}
    assert days.ledger.num_rows == issued
