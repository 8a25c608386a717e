"""Try the mapping of a feed on a few delivered rows, as silver would apply it, without writing anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed
from lakehouse.contracts import BRONZE_LINEAGE
from lakehouse.errors import MappingError
from lakehouse.silver.feed_plan import plan_of
from lakehouse.silver.feed_rows import read_rows
from lakehouse.silver.mapping_errors import failing_in
from lakehouse.spark.guard import guarded
from lakehouse.spark.session import session
from lakehouse.transforms.rules import broken_rules
from lakehouse.utils.sql_text import identifier


@dataclass(frozen=True)
class MappingTrial:
    """`broken`: rule id -> how many of `count_rows` rows break it; `count_good` rows keep the contract. `empty`: mapped
    columns that no row has a value in. `count_repeated`: good rows whose key another one has, so that only one of them
    would be kept. `error`: why an expression could not be computed."""

    count_rows: int
    count_good: int = 0
    broken: tuple[tuple[str, int], ...] = ()
    empty: tuple[str, ...] = ()
    count_repeated: int = 0
    error: MappingError | None = None


def try_mapping(feed: Feed, name: str, rows: pa.RecordBatch) -> MappingTrial:
    """What becomes of rows as delivered (texts) in a file of that name. Starts the engine if none runs."""
    with guarded(f"mapping of {feed.source} {feed.dataset}"):
        spark = session()
        columns = ", ".join(f"{identifier(column)} string" for column in rows.schema.names)
        texts = [tuple(row.values()) for row in rows.to_pylist()]
        numbered = [(*row, name, number) for number, row in enumerate(texts, 1)]
        delivered = spark.createDataFrame(numbered, f"{columns}, `_source_file` string, `_row_number` bigint")
        later = [column for column in BRONZE_LINEAGE if column.name not in ("_source_file", "_row_number")]
        received = delivered.withColumns({column.name: sf.lit(None).cast(column.type) for column in later})
        if (error := failing_in(received, feed)) is not None:
            return MappingTrial(rows.num_rows, error=error)
        plan = plan_of(feed)
        typed = read_rows(plan, received, check_required=False).typed
        ids, _ = broken_rules(plan.contract)
        names = [column for column in plan.contract.names if column in feed.mapping]
        filled = [sf.col(identifier(column)).isNotNull().alias(column) for column in names]
        key = sf.concat_ws("\x1f", *[sf.col(column).cast("string") for column in plan.contract.key]).alias("_key")
        seen = typed.select(ids.alias("_broken"), key, *filled).collect()
    broken = Counter(rule for row in seen for rule in row["_broken"])
    keys = Counter(row["_key"] for row in seen if not row["_broken"])
    return MappingTrial(
        rows.num_rows,
        sum(not row["_broken"] for row in seen),
        tuple(sorted(broken.items())),
        tuple(column for column in names if not any(row[column] for row in seen)),
        sum(count for count in keys.values() if count > 1),
    )
