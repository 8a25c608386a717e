"""The control group of a campaign: who is in it is drawn once, kept in ops.holdouts, and follows a person through
merges."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.contracts import HOLDOUTS, arrow_schema
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.storage.ops_tables import record_batch
from lakehouse.utils.sql_text import standard_literal

_CHUNK = 200_000
# Of the ids that a customer had before, the last one that was drawn decides.
_FORMER = """
    select ids.customer_id, arg_min(drawn.is_held_out, ids.place) as is_held_out
    from (
        select customer_id, unnest(ids) as former_id, generate_subscripts(ids, 1) as place
        from (
            select customer_id, flatten(list(former_customer_ids order by identifier_type, identifier)) as ids
            from silver.identities
            where former_customer_ids is not null
            group by customer_id
        )
    ) as ids
    inner join drawn on ids.former_id = drawn.customer_id
    group by ids.customer_id
"""
_NOBODY = "select null::varchar as customer_id, null::boolean as is_held_out where false"


def is_held_out(family: str, customer_id: str, share: float) -> bool:
    """The draw: the hash of "<family>:<customer>" serves as a uniform number in [0, 1), below `share` or not."""
    digest = hashlib.sha256(f"{family}:{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def is_held_out_sql(family: str, customer_id: str, share: float) -> str:
    """The same in SQL of DuckDB; `customer_id` is SQL. The first 16 hexadecimal digits compare as their number does."""
    return f"left(sha256({standard_literal(family + ':')} || {customer_id}), 16) < '{math.ceil(share * 2**64):016x}'"


def with_draws_sql(audience: str, snapshot: Snapshot, campaign: Campaign) -> str:
    """A query (yielding customer_id and more) with two columns added: `is_held_out`, and `is_fresh` for who had not
    been drawn yet. Without a share nobody is held out."""
    if not campaign.holdout_share:
        return f"select *, false as is_held_out, false as is_fresh from ({audience})"  # noqa: S608 - a query of ours
    draw = is_held_out_sql(campaign.family, "audience.customer_id", campaign.holdout_share)
    return f"""
        with
        drawn as (
            select customer_id, arg_min(is_held_out, drawn_at) as is_held_out
            from ops.holdouts
            where family = {standard_literal(campaign.family)}
            group by customer_id
        ),

        former as ({_FORMER if IDENTITIES in snapshot.versions else _NOBODY})

        select
            audience.*,
            coalesce(drawn.is_held_out, former.is_held_out, {draw}) as is_held_out,
            drawn.customer_id is null as is_fresh
        from ({audience}) as audience
        left join drawn on audience.customer_id = drawn.customer_id
        left join former on audience.customer_id = former.customer_id
    """  # noqa: S608 - literals are quoted


def record_draws(connection: duckdb.DuckDBPyConnection, campaign: Campaign, lake: str) -> None:
    """Keep what was drawn: the rows of the table `draws`. A killed export draws the same again."""
    now = pa.array([datetime.now(UTC)], pa.timestamp("us", tz="UTC"))[0]
    stream = connection.cursor().execute("select customer_id, is_held_out from draws").to_arrow_reader(_CHUNK)
    for batch in stream:
        if not batch.num_rows:
            continue
        columns = {
            "family": pa.repeat(campaign.family, batch.num_rows),
            "customer_id": batch["customer_id"],
            "is_held_out": batch["is_held_out"],
            "campaign_id": pa.repeat(campaign.id, batch.num_rows),
            "drawn_at": pa.repeat(now, batch.num_rows),
        }
        record_batch(HOLDOUTS.dataset, pa.table(columns, schema=arrow_schema(HOLDOUTS.columns)), lake)
