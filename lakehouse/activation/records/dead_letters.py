"""Dead letters: customers whom a platform refused for good, and who are not tried again with the same payload.

A rejection that may pass is tried again by every export. A permanent one waits until the customer's payload changes, or
somebody replays it, which `ops.export_replays` keeps.
"""

from __future__ import annotations

from lakehouse.tables import ops

EXPORT_REPLAYS = ops("export_replays")

# Whose newest answer is a rejection: rejections have the time at which their export ended. Reads the table
# `acknowledged` of the destination's state.
REJECTED_BEFORE = """
    create or replace table rejected_before as
    with
    rejections as (
        select
            records.customer_id,
            records.export_id,
            records.payload_hash,
            coalesce(records.is_permanent, false) as is_permanent,
            exports.finished_at
        from (
            select customer_id, export_id, payload_hash, {is_permanent}::boolean as is_permanent
            from ops.export_records
            where {of_campaign} and action = 'rejected'
        ) as records
        inner join ops.exports as exports on records.export_id = exports.export_id
    ),

    newest as (
        select
            customer_id,
            max(finished_at) as rejected_at,
            arg_max(export_id, finished_at) as export_id,
            arg_max(payload_hash, finished_at) as payload_hash,
            arg_max(is_permanent, finished_at) as is_permanent
        from rejections
        group by customer_id
    )

    select newest.*
    from newest
    left join acknowledged on newest.customer_id = acknowledged.customer_id
    where acknowledged.customer_id is null or acknowledged.acknowledged_at < newest.rejected_at
"""
DEAD_LETTERS = """
    create or replace view dead_letters as
    select customer_id, payload_hash
    from rejected_before
    anti join ops.export_replays using (export_id, customer_id)
    where is_permanent
"""
