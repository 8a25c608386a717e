"""gold.customer_history: versions that begin and end at as-of moments, one current version each."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.dbt.conftest import AS_OF, Shop, day, gold_rows

LATER = datetime(2018, 1, 3, tzinfo=UTC)
VERSIONS = "select customer_id, first_name, valid_from, valid_to, is_current from {gold.customer_history} order by customer_id, valid_from, valid_to nulls last"


def test_a_changed_fact_makes_a_version(shop: Shop) -> None:
    shop.contact("1", "c1", first_name="Ann")
    shop.contact("2", "c2", first_name="Bob")
    shop.build(AS_OF)
    shop.contact("1", "c1", first_name="Anna")
    shop.build(LATER)
    assert gold_rows(VERSIONS) == [("c1", "Ann", AS_OF, LATER, False), ("c1", "Anna", LATER, None, True), ("c2", "Bob", AS_OF, None, True)]


def test_time_alone_makes_no_version(shop: Shop) -> None:
    shop.contact("1", "c1", first_name="Ann")
    shop.buys("t1", "1", day(12, 30), "9.90")
    shop.build(AS_OF)
    shop.build(LATER)
    assert gold_rows(VERSIONS) == [("c1", "Ann", AS_OF, None, True)]


def test_two_runs_as_of_the_same_moment(shop: Shop) -> None:
    """Changed there and back without the moment moving: nothing is lost, the newest version is current."""
    for name in ("Ann", "Anna", "Ann"):
        shop.contact("1", "c1", first_name=name)
        shop.build(AS_OF)
    current = gold_rows("select first_name, valid_from from {gold.customer_history} where is_current")
    assert current == [("Ann", AS_OF)]
    assert gold_rows("select count(*) from {gold.customer_history}") == [(3,)]


def test_a_merged_customer_ends(shop: Shop) -> None:
    shop.contact("1", "c1", first_name="Ann")
    shop.contact("2", "c2", first_name="Ann")
    shop.build(AS_OF)
    shop.belongs("c1", crm_id="2", loyalty_id="L2", email="2@example.com")
    shop.build(LATER)
    assert gold_rows("select valid_from, valid_to from {gold.customer_history} where customer_id = 'c2'") == [(AS_OF, LATER)]
