"""Two sources that use the same ids for different things: refused, by name of both, before one overwrites the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import combinations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed
from lakehouse.contracts import DATASETS, Contract
from lakehouse.errors import ContractError
from lakehouse.silver.deduplicate import ARRIVAL
from lakehouse.silver.feed_rows import FeedRows

_OTHER = "_other_"


def refuse_shared_ids(feed: Feed, incoming: DataFrame, others: Sequence[Feed], silver_rows: DataFrame) -> None:
    """ContractError when a row that another source wrote has the key of an incoming one, and other content."""
    for other in others:
        _compare(DATASETS[feed.dataset], feed, incoming, other, silver_rows.where(sf.col("_source") == other.source))


def refuse_shared_ids_in(found: Sequence[FeedRows]) -> None:
    """The same for all rows of a rebuild: what each source says last; a former source against what came after it."""
    for one, two in combinations(found, 2):
        feed, other = (one, two) if two.plan.feed.origin is None or one.plan.feed.origin is not None else (two, one)
        if feed.plan.feed.shares_ids_with(other.plan.feed):
            is_former = other.plan.feed.origin is None
            rows = _one_per_key(feed, is_first=is_former)
            _compare(feed.plan.contract, feed.plan.feed, rows, other.plan.feed, _one_per_key(other, is_first=False))


def _one_per_key(rows: FeedRows, is_first: bool) -> DataFrame:
    contract = rows.plan.contract
    columns = [*ARRIVAL] if is_first else [*contract.order_by, *ARRIVAL]
    order = [sf.col(name).asc() if is_first else sf.col(name).desc_nulls_last() for name in columns]
    place = sf.row_number().over(Window.partitionBy(*contract.key).orderBy(*order))
    return rows.good.withColumn("_place", place).where("_place = 1").drop("_place")


def _compare(contract: Contract, feed: Feed, rows: DataFrame, other: Feed, of_other: DataFrame) -> None:
    """Any difference is one between sources that both deliver. A source that took the place of a former one has changed
    some rows since; that most of them differ means that they never were the same."""
    content = [name for name in contract.names if name not in contract.key]
    renamed = of_other.select(*contract.key, *[sf.col(name).alias(f"{_OTHER}{name}") for name in content])
    is_same = reduce(
        lambda same, name: same & sf.col(name).eqNullSafe(sf.col(f"{_OTHER}{name}")), content, sf.lit(True)
    )
    counts = rows.join(renamed, list(contract.key)).agg(
        sf.count(sf.lit(1)).alias("common"), sf.count_if(~is_same).alias("differ")
    )
    common, differ = counts.collect()[0]
    if differ * (2 if other.origin is None else 1) > (common if other.origin is None else 0):
        raise _error(contract, feed.source, other, differ)


def _error(contract: Contract, source: str, other: Feed, count: int) -> ContractError:
    kind = contract.ids_of
    problem = (
        f"sources {other.source} and {source} deliver {count} rows with the same ({', '.join(contract.key)}) and other"
        f" content, so their ids seem to be different {kind}; nothing of {source} was loaded"
    )
    remedy = (
        f"If they are different {kind}, give {source} a name for its ids in sources.yml (`namespace: {source}`). If"
        f" they are the same {kind}, give both sources the same `namespace`"
    )
    if other.origin is None:
        remedy += f"; if {source} has taken the place of {other.source}, run `lakehouse sources rename`"
    return ContractError(contract.dataset, problem, f"{remedy}. Then run again, with --full where a namespace changed.")
