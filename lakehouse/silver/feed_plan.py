"""All that silver has to know about a feed before it looks at a row: made once, then applied to any number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from pyspark.sql import Column

from lakehouse.config.feeds import Feed
from lakehouse.contracts import DATASETS, Contract
from lakehouse.transforms.mapping import TypingSql, typing_sql
from lakehouse.transforms.rules import is_good


@dataclass(frozen=True)
class FeedPlan:
    """`reads`: landed columns that the mapping reads. `required`: columns of the contract without which no row is good,
    with the SQL that is mapped to each. `is_good`: true for typed rows that keep the contract."""

    feed: Feed
    contract: Contract
    reads: tuple[str, ...]
    required: dict[str, str]
    sql: TypingSql
    is_good: Column


@lru_cache(maxsize=64)
def plan_of(feed: Feed) -> FeedPlan:
    """The plan of a feed, once per process. ContractError for an expression of its mapping that is not SQL."""
    contract = DATASETS[feed.dataset]
    return FeedPlan(
        feed=feed,
        contract=contract,
        reads=feed.mapped_columns,
        required={name: feed.mapping.get(name, "null") for name in contract.names if _is_required(contract, name)},
        sql=typing_sql(contract, feed.mapping, feed.timezone),
        is_good=is_good(contract),
    )


def _is_required(contract: Contract, name: str) -> bool:
    column = contract.column(name)
    return column.required and column.derived_as is None
