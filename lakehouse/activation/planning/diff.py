"""The difference between what a destination should have and what it acknowledged: only that is sent."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

# Uncertain customers are sent again if they are in the target, and removed if not. Dead letters stay as they are there.
_DIFFERENCE = """
    create or replace table difference as
    with compared as (
        select
            coalesce(target.customer_id, there.customer_id) as customer_id,
            case
                when target.customer_id is null then '{gone}'
                when dead_letters.customer_id is not null then 'dead_letter'
                when not coalesce(there.is_acknowledged, false) then 'added'
                when target.payload_hash = there.payload_hash and not there.is_uncertain then 'unchanged'
                else 'changed'
            end as action,
            there.sent_email,
            coalesce(there.is_uncertain, false) as is_uncertain
        from target
        full join there on target.customer_id = there.customer_id
        left join dead_letters
            on target.customer_id = dead_letters.customer_id and target.payload_hash = dead_letters.payload_hash
    )

    select * from compared where action <> 'unchanged'
"""


def diff(connection: duckdb.DuckDBPyConnection, removable: str | None = None) -> Mapping[str, int]:
    """Compare the tables `target` and `there`, and leave what differs in `difference`.

    Args:
        connection: of the DuckDB with the tables.
        removable: a query for the customers who may be removed of those who are not in the target; None for all. The
            others have the action `retained`: nothing is sent.

    Returns:
        Number of customers by action: added, changed, removed, retained, dead_letter, unchanged; each customer of
        either side is in exactly one of them.
    """
    connection.execute(_DIFFERENCE.format(gone="removed" if removable is None else "retained"))
    if removable is not None:
        connection.execute(
            "update difference set action = 'removed'"  # noqa: S608 - a query of ours
            f" where action = 'retained' and customer_id in ({removable})"
        )
    found = dict(connection.execute("select action, count(*) from difference group by action").fetchall())
    counts = {action: found.get(action, 0) for action in ("added", "changed", "removed", "retained", "dead_letter")}
    (wanted,) = connection.execute("select count(*) from target").fetchall()[0]
    return counts | {"unchanged": wanted - counts["added"] - counts["changed"] - counts["dead_letter"]}
