"""Ids belong to somebody: two sources that both count from 1001 keep their ids apart, or the second is refused."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.errors import ContractError
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import CONSENTS, CONTACTS, LINES, PRODUCTS, contact, line

DATASETS: dict[str, Any] = {"contacts": CONTACTS, "transactions": LINES, "consents": CONSENTS}


def people(country: str) -> list[dict[str, str | None]]:
    return [contact(f"100{n}", email=f"p{n}@shop.{country}") for n in range(4)]


@pytest.mark.slow
@pytest.mark.both_engines(soak=True)
def test_two_sources_with_names_for_their_ids_keep_them_apart(lake: Lake) -> None:
    said = {"type": "crm_id", "reference": "1001.0", "event": "withdrawn", "at": "2017-03-01"}
    for country in ("de", "fr"):
        lake.declare(DATASETS, source=f"crm_{country}", namespace=country)
        lake.load("contacts", *people(country), source=f"crm_{country}")
        lake.load("transactions", line("1", reference="1001"), source=f"crm_{country}")
    lake.load("consents", said, said | {"type": "email", "reference": "p1@shop.fr"}, source="crm_de")
    ids = {row["contact_id"]: row["email"] for row in lake.rows("silver.contacts")}
    assert len(ids) == 8 and (ids["de:1001"], ids["fr:1001"]) == ("p1@shop.de", "p1@shop.fr")
    lines = lake.values("silver.transactions", "transaction_id", "customer_reference")
    assert lines == [("de:1", "de:1001"), ("fr:1", "fr:1001")]
    assert {row["customer_reference"] for row in lake.rows("silver.consents")} == {"de:1001", "p1@shop.fr"}
    before = lake.values("silver.contacts", "contact_id", "email")
    lake.silver("contacts", is_full=True)
    assert lake.values("silver.contacts", "contact_id", "email") == before


def test_a_rejected_refusal_holds_back_the_customer_of_its_namespace(lake: Lake) -> None:
    lake.declare(DATASETS, source="crm_de", namespace={"customers": "de"})
    lake.load(
        "consents",
        {"type": "crm_id", "reference": "1001", "event": "gone", "at": "2017-03-01"},
        {"type": "id", "reference": "1002", "event": "withdrawn", "at": "2017-03-01"},
        source="crm_de",
    )
    held = {row["identifier"] for row in lake.rows("silver.mail_holds") if row["identifier_type"] == "crm_id"}
    assert held == {"de:1001", "de:1002"}


@pytest.mark.slow
@pytest.mark.both_engines(soak=True)
def test_the_same_ids_for_other_things_are_refused_by_name_of_both(lake: Lake) -> None:
    for country in ("de", "fr"):
        lake.declare(DATASETS, source=f"crm_{country}")
    lake.load("contacts", *people("de"), source="crm_de")
    refused = r"crm_de and crm_fr deliver 4 rows with the same \(contact_id\) and other content.*`namespace: crm_fr`"
    for _ in range(2):
        with pytest.raises(ContractError, match=refused):
            lake.load("contacts", *people("fr"), source="crm_fr")
    assert {row["_source"] for row in lake.rows("silver.contacts")} == {"crm_de"}
    with pytest.raises(ContractError, match=r"sources crm_(de|fr) and crm_(de|fr) deliver 4 rows"):
        lake.silver("contacts", is_full=True)
    lake.declare(DATASETS, source="crm_fr", namespace="fr")
    lake.silver("contacts")
    assert len(lake.rows("silver.contacts")) == 8, "refused rows are loaded once their ids have a name"


def test_a_namespace_for_rows_that_are_loaded_needs_a_rebuild(lake: Lake) -> None:
    lake.declare({"products": PRODUCTS})
    lake.load("products", {"product_id": "p1", "name": "Tea"})
    lake.declare({"products": PRODUCTS}, namespace={"products": "de"})
    with pytest.raises(ContractError, match=r"namespace of crm is another one .* --full"):
        lake.silver("products")
    lake.silver("products", is_full=True)
    assert lake.values("silver.products", "product_id") == [("de:p1",)]
    assert lake.silver("products").skipped


@pytest.mark.parametrize("namespace", [None, "shop"])
def test_sources_that_say_the_same_or_share_a_namespace_are_versions_of_each_other(
    lake: Lake, namespace: str | None
) -> None:
    for source in ("crm", "form"):
        more = {} if namespace is None else {"namespace": namespace}
        lake.declare({"contacts": CONTACTS | {"load": "increment"}}, source=source, **more)
    lake.load("contacts", *people("de"), source="crm")
    changed = [] if namespace is None else [contact("1001", email="new@shop.de", modified="2017-05-01T00:00:00Z")]
    lake.load("contacts", *changed, people("de")[2], name="form.jsonl", source="form")
    email = {row["contact_id"]: row["email"] for row in lake.rows("silver.contacts")}
    assert email["1001" if namespace is None else "shop:1001"] == ("p1@shop.de" if namespace is None else "new@shop.de")


@pytest.mark.slow
def test_a_source_in_the_place_of_a_former_one_changes_some_rows_but_not_most(lake: Lake) -> None:
    lake.declare({"contacts": CONTACTS})
    lake.load("contacts", *people("de"))
    lake.undeclare("crm")
    lake.declare({"contacts": CONTACTS}, source="hubspot")
    updated = [people("de")[0] | {"email": "new@shop.de", "modified": "2017-05-01T00:00:00Z"}, *people("de")[1:]]
    lake.load("contacts", *updated, name="1.jsonl", source="hubspot")
    assert "new@shop.de" in {row["email"] for row in lake.rows("silver.contacts")}
    before = lake.values("silver.contacts", "contact_id", "email", "_source")
    lake.silver("contacts", is_full=True)
    assert lake.values("silver.contacts", "contact_id", "email", "_source") == before
    lake.undeclare("hubspot")
    lake.declare({"contacts": CONTACTS}, source="pipedrive")
    with pytest.raises(ContractError, match=r"has taken the place of .*, run `lakehouse sources rename`"):
        lake.load("contacts", *people("fr"), source="pipedrive")


@pytest.mark.both_engines(soak=True)
def test_a_key_that_one_delivery_has_twice_with_other_content_is_counted(lake: Lake) -> None:
    lake.declare({"products": PRODUCTS | {"load": "increment"}})
    rows = [{"product_id": f"p{n}", "name": name} for name in ("First", "Second") for n in range(3)]
    same = [{"product_id": "p9", "name": "Same"}] * 2
    outcome = lake.load("products", *rows, *same)
    assert outcome.warnings == (
        "crm delivers 3 keys (product_id) more than once in one delivery with other content: the later row was taken",
    )
    assert {row["name"] for row in lake.rows("silver.products")} == {"Second", "Same"}
    assert lake.load("products", {"product_id": "p1", "name": "Third"}, name="2.csv").warnings == ()


def test_versions_with_times_of_their_own_are_history_in_an_increment_and_told_in_a_snapshot(lake: Lake) -> None:
    versions = [contact("k1", email=f"{n}@shop.de", modified=f"2017-03-0{n}T00:00:00Z") for n in (1, 2)]
    for load, count in (("increment", 0), ("full", 1)):
        lake.declare({"contacts": CONTACTS | {"load": load}}, source=f"crm_{load}", namespace=load)
        assert len(lake.load("contacts", *versions, source=f"crm_{load}").warnings) == count
