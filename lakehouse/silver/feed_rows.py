"""Rows of one feed on their way from bronze to silver: typed, and divided into those that keep their contract
and those that break it."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import BRONZE_LINEAGE
from lakehouse.errors import ContractError
from lakehouse.silver.feed_plan import FeedPlan
from lakehouse.transforms.received import delivered_columns, delivered_struct, with_missing_columns
from lakehouse.utils.sql_text import identifier

DELIVERED = "_delivered"  # the row as received, as one value
_LINEAGE = tuple(column.name for column in BRONZE_LINEAGE)


@dataclass(frozen=True)
class FeedRows:
    """`typed`: one row per bronze row, with the columns of the contract, `_received_<column>`, `_source`, `_delivered`
    and bronze lineage; `count_rows` of them. `good`: those that keep their contract, with its columns, `_source` and
    bronze lineage. `bad`: the others, with all columns."""

    plan: FeedPlan
    typed: DataFrame
    good: DataFrame
    bad: DataFrame
    count_rows: int

    def only(self, keys: DataFrame, key: tuple[str, ...], count_rows: int) -> FeedRows:
        """The rows whose key is among `keys`; `count_rows` of them."""
        return _judged(self.plan, self.typed.join(keys, list(key), "left_semi"), count_rows)


def read_rows(plan: FeedPlan, received: DataFrame, check_required: bool = True) -> FeedRows:
    """Bronze rows of a feed as rows of its dataset.

    ContractError when a required column is missing altogether: then it is not the rows that are wrong, but the dump or
    the mapping.
    """
    complete = with_missing_columns(received, plan.reads)
    # Counting a column as delivered is answered by the files' statistics where the mapping is a plain name.
    counted = [f"count({mapped}) as {identifier(name)}" for name, mapped in plan.required.items() if check_required]
    counts = complete.selectExpr("count(*) as _rows", *counted).collect()[0].asDict()
    if check_required and counts["_rows"]:
        _check_required(plan, [name for name in plan.required if not counts[name]], counts["_rows"])
    return _judged(plan, typed_rows(plan, received), int(counts["_rows"]))


def typed_rows(plan: FeedPlan, received: DataFrame) -> DataFrame:
    """`typed` of FeedRows, for bronze rows of a feed."""
    complete = with_missing_columns(received, plan.reads)
    delivered = complete.withColumn(DELIVERED, delivered_struct(delivered_columns(received.columns)))
    texts = delivered.selectExpr(*plan.sql.received, *_LINEAGE, DELIVERED)
    typed = texts.selectExpr(*plan.sql.typed, *_LINEAGE, DELIVERED)
    if plan.sql.computed:
        typed = typed.withColumns({name: sf.expr(text) for name, text in plan.sql.computed.items()})
    return typed.withColumn("_source", sf.lit(plan.feed.source))


def _check_required(plan: FeedPlan, missing: list[str], count_rows: int) -> None:
    if not missing:
        return
    feed = plan.feed
    named = ", ".join(f"{name} (mapped from {feed.mapping.get(name, 'nothing')})" for name in missing)
    raise ContractError(
        feed.dataset,
        f"none of {count_rows} new rows of source {feed.source} has a value for the required {named}",
        f"Correct the mapping of {feed.source} in sources.yml, or have the dump delivered with what it names; nothing"
        " of it went into silver.",
    )


def _judged(plan: FeedPlan, typed: DataFrame, count_rows: int) -> FeedRows:
    good = _where_once(typed, plan.is_good).select(*plan.contract.names, "_source", *_LINEAGE)
    return FeedRows(plan, typed, good, _where_once(typed, ~plan.is_good), count_rows)


def _where_once(rows: DataFrame, condition: Column) -> DataFrame:
    """`rows.where(condition)`, with the columns the condition looks at computed once a row.

    Optimisers push a filter below the projection and so repeat every cast in every rule that names it: on Sail 14 s of
    CPU instead of 0.5 s for 7.3 M transaction lines. A condition that hangs on a non-deterministic column stays above
    it.
    """
    return rows.withColumn("_once", sf.rand() < sf.lit(2.0)).where(sf.when(sf.col("_once"), condition)).drop("_once")
