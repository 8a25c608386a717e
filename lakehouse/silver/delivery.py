"""Rows of one feed on their way from bronze to silver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed
from lakehouse.contracts import DATASETS, LINEAGE, Column, Contract
from lakehouse.errors import ContractError
from lakehouse.storage.reader import latest_time
from lakehouse.tables import TableRef
from lakehouse.transforms.mapping import typed_rows, with_columns
from lakehouse.transforms.received import delivered_columns, delivered_struct
from lakehouse.transforms.rules import is_good, where_once
from lakehouse.utils.sql_text import identifier

DELIVERED = "_delivered"


@dataclass(frozen=True)
class Delivery:
    """`typed`: one row per bronze row (see transforms.mapping.typed_rows) with `_source` and `_delivered`; `count_rows`
    of them."""

    feed: Feed
    typed: DataFrame
    count_rows: int

    @property
    def contract(self) -> Contract:
        """The contract of the feed's dataset."""
        return DATASETS[self.feed.dataset]

    @property
    def is_snapshot(self) -> bool:
        """Whether each of its files is a complete snapshot."""
        return self.feed.load == "full"

    def good(self) -> DataFrame:
        """Rows that keep their contract: contract columns, `_source` and bronze lineage."""
        lineage = ("_source", "_source_file", "_row_number", "_batch_id", "_ingested_at", "_row_hash")
        return where_once(self.typed, is_good(self.contract)).select(*self.contract.names, *lineage)


def read_delivery(feed: Feed, received: DataFrame, check_required: bool = True) -> Delivery:
    """Bronze rows of a feed as a delivery.

    ContractError when a required column is missing altogether: then it is not the rows that are wrong, but the dump or
    the mapping.
    """
    contract = DATASETS[feed.dataset]
    columns = delivered_columns(received.columns)
    complete = with_columns(received, feed.required_columns())
    required = [column.name for column in contract.delivered if column.required]
    # Counting a column as delivered is answered by the files' statistics where the mapping is a plain name.
    counts = (
        complete.selectExpr(
            "count(*) as _rows",
            *(f"count({feed.mapping.get(name, 'null')}) as {identifier(name)}" for name in required),
        )
        .collect()[0]
        .asDict()
    )
    if check_required and counts["_rows"]:
        _check_required(feed, [name for name in required if not counts[name]], counts["_rows"])
    typed = typed_rows(
        complete.withColumn(DELIVERED, delivered_struct(columns)),
        contract,
        feed.mapping,
        feed.timezone,
        keep=(DELIVERED,),
    )
    return Delivery(feed, typed.withColumn("_source", sf.lit(feed.source)), int(counts["_rows"]))


def _check_required(feed: Feed, missing: list[str], count_rows: int) -> None:
    if missing:
        told = ", ".join(f"{name} (mapped from {feed.mapping.get(name, 'nothing')})" for name in missing)
        remedy = f"Correct the mapping of {feed.source} in sources.yml, or have the dump delivered with what it names; nothing of it went into silver."
        raise ContractError(
            feed.dataset,
            f"none of {count_rows} new rows of source {feed.source} has a value for the required {told}",
            remedy,
        )


def silver_columns(contract: Contract) -> tuple[Column, ...]:
    """Columns of a silver table: those of its contract, then lineage."""
    return (*contract.columns, *LINEAGE)


def next_update_time(table: TableRef, lake: str) -> datetime:
    """`_updated_at` of the next commit: now, in whole milliseconds, but always later than any before, also when clocks
    step back."""
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    latest = latest_time(table, lake, "_updated_at")
    return (
        now
        if latest is None or latest < now
        else latest.replace(microsecond=latest.microsecond // 1000 * 1000) + timedelta(milliseconds=1)
    )
