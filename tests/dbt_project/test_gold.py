"""Building gold through `lakehouse.gold.dbt_runner`: counts, tests, and failures in words a person can act on."""

from __future__ import annotations

import shutil

import pytest

from lakehouse.config.settings import settings
from lakehouse.errors import TerminalError
from lakehouse.gold.build import build_outdated
from lakehouse.gold.dbt_errors import GoldBuildFailed
from lakehouse.gold.dbt_runner import build_gold
from lakehouse.window import BatchWindow
from tests.dbt_project.conftest import AS_OF, Shop, day, gold_rows, run_tests

WINDOW = BatchWindow.of(AS_OF, AS_OF, "test")


def test_everything_builds_and_passes(shop: Shop) -> None:
    shop.contact("1", "c1")
    shop.buys("t1", "1", day(12, 30), "9.90")
    outcomes = {str(outcome.table): outcome.loaded for outcome in build_gold(WINDOW)}
    assert outcomes["gold.dim_customers"] == outcomes["gold.fct_orders"] == outcomes["gold.customer_history"] == 1
    assert run_tests(WINDOW) > 20


@pytest.mark.both_engines(soak=True)
def test_unit_tests_pass(shop: Shop) -> None:
    assert run_tests(WINDOW, "test_type:unit") > 20


@pytest.mark.slow
def test_a_failed_data_test_is_named(shop: Shop) -> None:
    shop.buys("t1", "nobody knows", day(12, 30), "9.90")
    build_gold(WINDOW)
    with pytest.raises(GoldBuildFailed, match="assert_orders_equal_transactions"):
        run_tests(WINDOW, "assert_orders_equal_transactions")


@pytest.mark.slow
def test_gold_that_fails_its_tests_is_never_good(shop: Shop) -> None:
    """However often it is built: what follows (an export) sees an error each time, until the cause is fixed."""
    shop.buys("t1", "nobody knows", day(12, 30), "9.90")
    for _ in range(2):
        with pytest.raises(GoldBuildFailed, match="assert_orders_equal_transactions"):
            build_outdated(WINDOW, with_tests=True)
    shop.belongs("c1", crm_id="nobody knows")
    assert {str(outcome.table): outcome.loaded for outcome in build_outdated(WINDOW, with_tests=True)}[
        "gold.fct_orders"
    ] == 1
    assert all(outcome.skipped for outcome in build_outdated(WINDOW, with_tests=True))


@pytest.mark.slow
def test_a_missing_source_is_named(shop: Shop) -> None:
    from lakehouse.spark.session import session

    session().sql("drop table silver.consents").collect()
    with pytest.raises(TerminalError, match=r"int_email_consent.*consents"):
        build_gold(WINDOW, "int_email_consent")


@pytest.mark.slow
def test_gold_that_was_removed_is_built_again(shop: Shop) -> None:
    """While the engine ran and knew its tables by name."""
    shop.contact("1", "c1")
    shop.buys("t1", "1", day(12, 30), "9.90")
    build_outdated(WINDOW)
    shutil.rmtree(f"{settings().lake}/gold")
    assert {str(outcome.table): outcome.loaded for outcome in build_outdated(WINDOW)}["gold.fct_orders"] == 1


@pytest.mark.slow
def test_profiles_of_nobody(shop: Shop) -> None:
    build_gold(WINDOW)
    assert gold_rows("select count(*) from {gold.dim_customers}") == [(0,)]
