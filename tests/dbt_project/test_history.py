"""gold.customer_history: versions that begin and end at as-of moments, one current version each."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lakehouse.config.settings import settings
from lakehouse.spark.session import session
from lakehouse.storage.table import Table
from lakehouse.tables import gold
from lakehouse.window import BatchWindow
from tests.dbt_project.conftest import AS_OF, Shop, day, gold_rows, run_tests

LATER = datetime(2018, 1, 3, tzinfo=UTC)
VERSIONS = (
    "select customer_id, first_name, valid_from, valid_to, is_current from {gold.customer_history}"
    " order by customer_id, valid_from, valid_to nulls last"
)


@pytest.mark.slow
def test_a_changed_fact_makes_a_version(shop: Shop) -> None:
    shop.contact("1", "c1", first_name="Ann")
    shop.contact("2", "c2", first_name="Bob")
    shop.build(AS_OF)
    shop.contact("1", "c1", first_name="Anna")
    shop.build(LATER)
    assert gold_rows(VERSIONS) == [
        ("c1", "Ann", AS_OF, LATER, False),
        ("c1", "Anna", LATER, None, True),
        ("c2", "Bob", AS_OF, None, True),
    ]


@pytest.mark.slow
def test_time_alone_makes_no_version(shop: Shop) -> None:
    shop.contact("1", "c1", first_name="Ann")
    shop.buys("t1", "1", day(12, 30), "9.90")
    shop.build(AS_OF)
    shop.build(LATER)
    assert gold_rows(VERSIONS) == [("c1", "Ann", AS_OF, None, True)]


@pytest.mark.slow
def test_runs_as_of_the_same_moment(shop: Shop) -> None:
    """What held at no moment is no version; the build's own tests agree."""
    for name in ("Ann", "Anna", "Eve"):
        shop.contact("1", "c1", first_name=name)
        shop.build(AS_OF)
    assert gold_rows(VERSIONS) == [("c1", "Eve", AS_OF, None, True)]
    for name in ("Ann", "Anna", "Eve"):
        shop.contact("1", "c1", first_name=name)
        shop.build(LATER)
    assert gold_rows(VERSIONS) == [("c1", "Eve", AS_OF, LATER, False), ("c1", "Eve", LATER, None, True)]
    assert run_tests(BatchWindow.of(LATER, LATER, "test"), "customer_history") > 2


@pytest.mark.slow
def test_a_merged_customer_ends(shop: Shop) -> None:
    shop.contact("1", "c1", first_name="Ann")
    shop.contact("2", "c2", first_name="Ann")
    shop.build(AS_OF)
    shop.belongs("c1", crm_id="2", loyalty_id="L2", email="2@example.com")
    shop.build(LATER)
    assert gold_rows("select valid_from, valid_to from {gold.customer_history} where customer_id = 'c2'") == [
        (AS_OF, LATER)
    ]


@pytest.mark.slow
def test_a_fact_that_was_not_kept_before(shop: Shop) -> None:
    """History of a project that knew no languages: old versions stay without one, and a version with it begins."""
    shop.contact("1", "c1", language="en")
    shop.build(AS_OF)
    kept = ", ".join(name for name in Table(gold("customer_history"), settings().lake).columns if name != "language")
    location = gold("customer_history").location(settings().lake)
    replaced = f"gold.customer_history using delta options (overwriteSchema 'true') location '{location}'"
    session().sql(f"create or replace table {replaced} as select {kept} from gold.customer_history").collect()
    shop.contact("1", "c1", language="en", first_name="Ann")
    shop.build(LATER)
    versions = "select language, valid_from, valid_to from {gold.customer_history} order by valid_from"
    assert gold_rows(versions) == [(None, AS_OF, LATER), ("en", LATER, None)]


@pytest.mark.slow
def test_a_look_back_contradicts_no_version(shop: Shop) -> None:
    """What is found as of an earlier moment than a version begins at does not end it before its beginning."""
    shop.contact("1", "c1", first_name="Ann")
    shop.build(LATER)
    shop.contact("1", "c1", first_name="Anna")
    shop.contact("2", "c2", first_name="Bob")
    shop.build(AS_OF)
    assert gold_rows(VERSIONS) == [("c1", "Ann", LATER, None, True), ("c2", "Bob", AS_OF, None, True)]
    shop.build(LATER)
    assert gold_rows(VERSIONS) == [("c1", "Anna", LATER, None, True), ("c2", "Bob", AS_OF, None, True)]
    assert (
        run_tests(
            BatchWindow.of(LATER, LATER, "test"),
            "assert_history_versions_follow_each_other assert_history_has_one_current_version",
        )
        == 2
    )


@pytest.mark.slow
def test_a_customer_who_comes_back(shop: Shop) -> None:
    shop.contact("1", "c1", first_name="Ann")
    shop.contact("2", "c2", first_name="Bob")
    shop.build(AS_OF)
    shop.belongs("c1", crm_id="2", loyalty_id="L2", email="2@example.com")
    shop.build(LATER)
    shop.belongs("c2", crm_id="2", loyalty_id="L2", email="2@example.com")
    shop.build(AS_OF)
    assert gold_rows(
        "select valid_from, valid_to from {gold.customer_history} where customer_id = 'c2' order by 1"
    ) == [(AS_OF, LATER), (LATER, None)]
