"""Who of an audience should be at the destination, and with which payload: all but the control group and the
suppressed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from lakehouse.activation.audience.holdout import with_draws_sql
from lakehouse.activation.audience.snapshot import audience_sql
from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.consent.firewall import Firewall
from lakehouse.storage.duckdb_views import Snapshot

_LINES = 100_000


@dataclass(frozen=True)
class Selection:
    """Who should be at the destination: audience = holdout + sum of suppressed + target.

    Attributes:
        suppressed: number of suppressed customers by reason.
        target: number of customers in the table `target`.
        target_hash: SHA-256 over everybody who should be at the destination, and with which payload.
    """

    audience: int = 0
    holdout: int = 0
    suppressed: Counter[str] = field(default_factory=Counter)
    target: int = 0
    target_hash: str = hashlib.sha256().hexdigest()


def select(snapshot: Snapshot, campaign: Campaign, firewall: Firewall) -> Selection:
    """Select from the audience. The firewall must be open beside the snapshot.

    Leaves two tables in its DuckDB: `draws` (customer_id, is_held_out) has who was drawn for the control group now, and
    `target` (customer_id, address, payload_hash), in order of customer_id, whom nothing speaks against. Of several
    customers with one address the first is selected and the others are suppressed (`shared_address`): one mail per
    mailbox.
    """
    run = snapshot.connection.execute
    drawn = with_draws_sql(audience_sql(snapshot, campaign), snapshot, campaign)
    run(f"""
        create or replace table judged as
        select
            customer_id, address, payload_hash, is_held_out, is_fresh,
            case when not is_held_out then {firewall.reason_sql()} end as reason
        from ({drawn})
    """)  # noqa: S608 - queries of ours
    run("""
        create or replace table target as
        select min(customer_id) as customer_id, address, arg_min(payload_hash, customer_id) as payload_hash
        from judged
        where not is_held_out and reason is null
        group by address
        order by customer_id
    """)
    counted = run("select is_held_out, reason, count(*) from judged group by all").fetchall()
    target = run("select count(*) from target").fetchall()[0][0]
    run("create or replace table draws as select distinct customer_id, is_held_out from judged where is_fresh")
    run("drop table judged")  # it is as large as the audience
    suppressed = Counter({reason: count for _, reason, count in counted if reason})
    passed = sum(count for is_held_out, reason, count in counted if not is_held_out and not reason)
    if passed > target:
        suppressed["shared_address"] = passed - target
    return Selection(
        audience=sum(count for *_, count in counted),
        holdout=sum(count for is_held_out, _, count in counted if is_held_out),
        suppressed=suppressed,
        target=target,
        target_hash=_target_hash(snapshot.connection),
    )


def select_nobody(snapshot: Snapshot) -> Selection:
    """The selection of an export that only removes: an empty `target`."""
    snapshot.connection.execute(
        "create or replace table target (customer_id varchar, address varchar, payload_hash varchar)"
    )
    return Selection()


def lines_of_target(connection: duckdb.DuckDBPyConnection, line: str) -> Iterator[pa.Buffer]:
    """Text of the table `target`, in order of customer_id: `line` is SQL for the line of a row."""
    query = f"select {line} as line from target order by customer_id"  # noqa: S608 - SQL of ours
    for batch in connection.cursor().execute(query).to_arrow_reader(_LINES):
        yield _text_of(batch["line"])


def _target_hash(connection: duckdb.DuckDBPyConnection) -> str:
    digest = hashlib.sha256()
    for text in lines_of_target(connection, "customer_id || ' ' || payload_hash || chr(10)"):
        digest.update(text)
    return digest.hexdigest()


def _text_of(lines: pa.Array) -> pa.Buffer:
    """All strings of an array, one after the other, as Arrow holds them: no string is made of any."""
    if not len(lines):
        return pa.py_buffer(b"")
    _, offsets, text = lines.buffers()
    ends = memoryview(offsets).cast("i")
    start, end = ends[lines.offset], ends[lines.offset + len(lines)]
    return text.slice(start, end - start)
