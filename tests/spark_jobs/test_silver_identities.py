"""Identifiers -> customers, on a real engine: what the job reads, skips, keeps and removes."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.identities.ledger import customer_id
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import CAMPAIGNS, CONSENTS, CONTACTS, LINES, MEMBERS, contact, line
from tests.support.lanes import first_fast

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


def die(*_: object, **__: object) -> Any:
    raise KeyboardInterrupt


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
        "loyalty_id:lc1": ada,
        "phone:+49301234567": ada,
        "email:eve@example.com": customer_id("email", "eve@example.com"),
        "crm_id:k9": customer_id("crm_id", "k9"),
    }
    assert (outcome.read, outcome.loaded) == (6, 6)


@pytest.mark.slow
def test_skipped_without_changes_and_unchanged_rows_keep_their_time(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("contacts", contact("k1"), contact("k2"))
    lake.identities()
    assert lake.identities().skipped
    before = dict(lake.values("silver.identities", "identifier", "_updated_at"))
    lake.load("contacts", contact("k1"), contact("k2"), contact("k3"), name="next.csv")
    outcome = lake.identities()
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (1, 1, 0), "only k3 is looked at"
    after = dict(lake.values("silver.identities", "identifier", "_updated_at"))
    assert (after["k1"], after["k2"]) == (before["k1"], before["k2"])
    assert after["k3"] > before["k1"]


@pytest.mark.slow
def test_identifier_that_nothing_mentions_any_more_is_removed(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("contacts", contact("k1"))
    lake.load("transactions", line("b1", reference="typo"))
    lake.identities()
    lake.load("transactions", line("b1", reference="k1", exported="2017-12-01 00:00:00"), name="correction.csv")
    lake.identities()
    assert set(customers(lake)) == {"crm_id:k1"}


@pytest.mark.slow
def test_deleted_contact_still_resolves(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("contacts", contact("k1", card="LC1"), contact("k2"), contact("k3"))
    lake.load("contacts", contact("k2"), contact("k3"), name="next.csv")
    lake.identities()
    assert customers(lake)["loyalty_id:lc1"] == customer_id("crm_id", "k1")


@pytest.mark.slow
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


@pytest.mark.both_engines(soak=True)
def test_a_day_of_changes_equals_everything(lake: Lake) -> None:
    """New, changed and deleted contacts, corrected and new lines, dated members: the increment is what a full
    resolution with the same ledger makes."""
    lake.declare(ALL)
    lake.load(
        "contacts",
        *[contact(f"k{number}", email=f"a{number}@example.com", card=f"LC{number}") for number in range(6)],
        contact("k6", email="a5@example.com"),
    )
    lake.load("transactions", line("b1", reference="typo"), line("b2", type="email", reference="guest@example.com"))
    lake.load("campaign_members", {"campaign": "g1", "contact": "k9"})
    lake.identities()
    lake.load(
        "contacts",
        *[contact(f"k{number}", email=f"a{number}@example.com", card=f"LC{number}") for number in range(3)],
        contact("k3", email="a1@example.com", card="LC3", modified="2017-05-01T00:00:00Z"),
        contact("k4", email="new@example.com", card="LC4", modified="2017-05-01T00:00:00Z"),
        contact("k6", email="a5@example.com"),
        contact("k7", email="guest@example.com"),
        name="next.csv",
    )
    lake.load(
        "transactions",
        line("b1", reference="k1", exported="2017-12-01 00:00:00"),
        line("b3", type="email", reference="a4@example.com", sold="2015-01-01 10:00:00"),
        name="more.csv",
    )
    lake.load("campaigns", {"id": "g1", "start": "2017-03-01", "end": "2017-04-01"})
    ledger = lake.rows("ops.customer_ids")
    outcome = lake.identities()
    assert 0 < outcome.read < len(customers(lake)), "what did not change was not looked at"
    assert "crm_id:typo" not in customers(lake)
    before = lake.rows("silver.identities")
    lake.identities(is_full=True)
    assert lake.rows("silver.identities") == before
    assert len(lake.rows("ops.customer_ids")) > len(ledger)


@pytest.mark.slow
@pytest.mark.parametrize("write", first_fast(["SparkTable.overwrite_where", "record_batch", "record_progress"]))
def test_killed_between_writes(lake: Lake, monkeypatch: pytest.MonkeyPatch, write: str) -> None:
    """What changes back after the kill is not forgotten: the ledger says whom the killed run looked at."""
    lake.declare(ALL)
    apart = (contact("k1", email="a@example.com"), contact("k2", email="b@example.com"))
    lake.load("contacts", *apart)
    lake.identities()
    before = customers(lake)
    together = (apart[0], contact("k2", email="a@example.com", modified="2017-03-01T00:00:00Z"))
    lake.load("contacts", *together, name="together.csv")
    with monkeypatch.context() as patch:
        patch.setattr(f"spark_jobs.silver_identities.{write}", die)
        with pytest.raises(KeyboardInterrupt):
            lake.identities()
    lake.load("contacts", apart[0], contact("k2", email="b@example.com", modified="2017-04-01T00:00:00Z"), name="3.csv")
    lake.identities()
    assert customers(lake) == before
    after = lake.rows("silver.identities")
    lake.identities(is_full=True)
    assert lake.rows("silver.identities") == after
    assert lake.identities().skipped


def test_a_lake_of_the_version_before_keeps_its_ids(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("contacts", contact("k1", email="a@example.com"), contact("k2", email="a@example.com"))
    moment = datetime(2017, 1, 1, tzinfo=UTC)
    known = {"rule": "root", "first_seen_at": moment, "linked_at": moment, "_updated_at": moment}
    of_before = [
        {"identifier_type": "crm_id", "identifier": "k1", "customer_id": "cold1", "own_customer_id": "cold1"} | known,
        {"identifier_type": "crm_id", "identifier": "k2", "customer_id": "cold1", "own_customer_id": "cold2"} | known,
    ]
    write_deltalake(str(lake.home / "lake" / "silver" / "identities"), pa.Table.from_pylist(of_before))
    lake.identities(is_full=True)
    assert set(customers(lake).values()) == {"cold1"}
    former = dict(lake.values("silver.identities", "identifier", "former_customer_ids"))
    assert former == {"k1": None, "k2": ["cold2"], "a@example.com": None}


@pytest.mark.slow
def test_a_rebuild_without_the_table_has_the_ids_of_the_ledger(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("contacts", contact("k1", email="a@example.com"))
    lake.identities()
    lake.load("transactions", line("b1", type="email", reference="a@example.com", sold="2010-01-01 10:00:00"))
    lake.identities()
    before = customers(lake)
    shutil.rmtree(lake.home / "lake" / "silver" / "identities")
    lake.identities(is_full=True)
    assert customers(lake) == before == dict.fromkeys(before, customer_id("crm_id", "k1"))


def test_placeholders_are_nobodys_identifier(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load(
        "contacts",
        contact("n1", card="NULL"),
        contact("n2", card="NULL", phone="4.91512E+11"),
        contact("n3", card="nan", phone="4.91512E+11"),
        contact("n4", card=" N/A ", phone="123-456-7890"),
        contact("n5", card="0000", phone="1234567890"),
        contact("n6", card="0000", email="noreply@example.com"),
        contact("n7", card="LC7", email="noreply@example.com"),
        contact("null"),
    )
    lake.load("consents", {"type": "loyalty_id", "reference": "0000", "event": "opt_in", "at": "2017-03-01T00:00:00Z"})
    outcome = lake.identities()
    assert len({person for name, person in customers(lake).items() if name.startswith("crm_id:")}) == 8
    rules = dict(lake.values("silver.identities", "identifier", "rule"))
    assert rules["0000"] == "placeholder"
    assert set(rules) == {"n1", "n2", "n3", "n4", "n5", "n6", "n7", "null", "lc7", "0000"}
    (warning,) = outcome.warnings
    assert warning.startswith("13 identifiers are placeholders")


def test_a_list_of_placeholders_that_grows_is_applied(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("contacts", contact("k1", card="house card"), contact("k2", card="House Card"))
    lake.identities()
    assert len(set(customers(lake).values())) == 1
    (lake.conf / "placeholders.yml").write_text("words: [House card]\n")
    try:
        lake.identities()
    finally:
        (lake.conf / "placeholders.yml").unlink()
    assert len(set(customers(lake).values())) == 2


def test_ids_that_were_written_as_floats_and_cards_in_another_case_are_the_same(lake: Lake) -> None:
    lake.declare(ALL)
    lake.load("contacts", contact("70001", card="LC-1"), contact("70002.0", card="42"), contact("v1.0"))
    lake.load(
        "transactions",
        line("b1", reference="70001.0"),
        line("b2", reference="70002"),
        line("b3", type="loyalty_id", reference="lc-1"),
        line("b4", type="loyalty_id", reference="42.0"),
        line("b5", reference="v1.0"),
    )
    lake.identities()
    assert set(customers(lake)) == {"crm_id:70001", "crm_id:70002", "crm_id:v1.0", "loyalty_id:lc-1", "loyalty_id:42"}
    assert len(set(customers(lake).values())) == 3
