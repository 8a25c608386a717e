"""Both engines leave the same silver and gold, row by row."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.homes import Home
from tests.support.lakes import difference, result_tables
from tests.support.main_job import HOUSEHOLDS, Ran, do_data_work


@pytest.fixture
def done_on_sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The data work of the main job on Sail, without what Airflow adds to it."""
    home = Home(tmp_path_factory.mktemp("sail"), "sail")
    home.lakehouse("sample", "build", "--households", str(HOUSEHOLDS))
    try:
        do_data_work(home)
        yield home
    finally:
        home.lakehouse("engine", "stop", check=False)


@pytest.mark.spark
@pytest.mark.timeout(1500)  # the whole main job on a cold JVM, when this test is the first to need it
def test_every_silver_and_gold_table_is_the_same_on_both_engines(done_on_sail: Home, ran_on_spark: Ran) -> None:
    left, right = done_on_sail.lake, ran_on_spark.home.lake
    names = result_tables(left)
    assert names == result_tables(right)
    assert {
        "silver.transactions",
        "silver.identities",
        "gold.dim_customers",
        "gold.customer_history",
        "gold.segment_members",
    } <= set(names)
    differing = {name: rows for name in names if (rows := difference(left, right, name))}
    assert not differing
