"""Both engines leave the same silver and gold, row by row."""

from __future__ import annotations

from tests.integration.conftest import Ran
from tests.support.lakes import difference, result_tables


def test_every_silver_and_gold_table_is_the_same_on_both_engines(ran_on_sail: Ran, ran_on_spark: Ran) -> None:
    left, right = ran_on_sail.home.lake, ran_on_spark.home.lake
    names = result_tables(left)
    assert names == result_tables(right)
    assert {"silver.transactions", "silver.identities", "gold.dim_customers", "gold.customer_history", "gold.segment_members"} <= set(names)
    differing = {name: rows for name in names if (rows := difference(left, right, name))}
    assert not differing
