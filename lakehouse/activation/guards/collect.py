"""The facts that guards judge, from the next export and the records of past ones."""

from __future__ import annotations

from pathlib import Path

from lakehouse.activation.guards import fired
from lakehouse.activation.guards.facts import EmptyDelivery, Fired, SendFacts
from lakehouse.activation.open_destination import open_destination
from lakehouse.activation.payload.wiped_fields import wiped_fields
from lakehouse.activation.planning.next_export import NextExport
from lakehouse.activation.records.past_exports import past_exports
from lakehouse.config.settings import Settings
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.tables import ops

_FILES = ops("files")
_DELIVERIES = 3  # fewer say nothing about what is usual
_EMPTY = """
    with numbered as (
        select
            *,
            row_number() over (
                partition by source, dataset order by recorded_at desc, file_name desc
            ) as place
        from ops.files
        where outcome = 'landed'
    ),

    feeds as (
        select
            source,
            dataset,
            arg_min(file_name, place) as file_name,
            arg_min(rows, place) as rows,
            min(rows) filter (where place > 1) as fewest_before,
            count(*) - 1 as count_before
        from numbered
        group by source, dataset
    )

    select source, dataset, file_name, count_before
    from feeds
    where rows = 0 and fewest_before > 0 and count_before >= ?
    order by source, dataset
"""


def facts_of(found: NextExport, folder: Path, given: Settings) -> SendFacts:
    """Facts about the next export; `folder` holds the campaign's exports to the destination."""
    plan = found.plan
    chosen = plan.campaign
    return SendFacts(
        platform=chosen.destination,
        counts=plan.counts,
        there=found.there,
        past=past_exports(plan.snapshot, chosen.id, chosen.destination, folder),
        empty_deliveries=empty_deliveries(given.lake),
        wiped=wiped_fields(plan, open_destination(chosen, folder, given)),
    )


def guards_about(found: NextExport, facts: SendFacts) -> tuple[Fired, ...]:
    """The guards that ask a person about the next export. One that goes on after a kill was approved when it began, and
    one that would empty the destination is refused in any case."""
    plan = found.plan
    return () if found.is_resumed or plan.retained else fired(facts, plan.campaign.guards)


def empty_deliveries(lake: str) -> list[EmptyDelivery]:
    """Feeds whose newest delivery has no rows, which none of at least three before had."""
    with open_snapshot([], lake, optional=[_FILES]) as snapshot:
        if _FILES not in snapshot.versions:
            return []
        return [EmptyDelivery(*row) for row in snapshot.connection.execute(_EMPTY, [_DELIVERIES]).fetchall()]
