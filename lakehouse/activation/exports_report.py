"""What exports did, read from the ops tables without an engine: the list, one export, and whom platforms refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lakehouse.activation.destination_state import EXPORT_RECORDS, EXPORTS
from lakehouse.errors import TerminalError
from lakehouse.storage.duckdb_views import Snapshot, open_snapshot

_COUNTS = ("audience", "holdout", "suppressed", "added", "changed", "removed", "unchanged", "exported", "rejected")
_FACTS = ("export_id", "campaign_id", "platform", "status", "started_at", "finished_at", "manifest_path")
_COLUMNS = ", ".join((*_FACTS, *(f"count_{name}" for name in _COUNTS)))
_LIST = f"""
    select {_COLUMNS}
    from ops.exports
    where coalesce(campaign_id = $campaign_id, true) and coalesce(export_id = $export_id, true)
    order by finished_at desc, export_id
    limit $most
"""  # noqa: S608 - constants only
# The newest word about each customer of a campaign at its account; a rejection that was followed by an acceptance is
# over.
_REJECTS = """
    select campaign_id, platform, customer_id, {reason} as reason, export_id
    from ops.export_records as records
    inner join (select export_id, finished_at from ops.exports) using (export_id)
    where coalesce(campaign_id = $campaign_id, true)
    qualify
        row_number() over (
            partition by campaign_id, platform, customer_id order by finished_at desc, records.export_id desc
        ) = 1
        and action = 'rejected'
    order by campaign_id, platform, customer_id
    limit $most
"""


@dataclass(frozen=True)
class ExportReport:
    """One export. `counts` has the names of ops.exports without `count_`."""

    export_id: str
    campaign_id: str
    platform: str
    status: str
    started_at: datetime
    finished_at: datetime
    manifest_path: str
    counts: dict[str, int]


@dataclass(frozen=True)
class RejectReport:
    """A customer whom a platform did not take when it was asked last; `export_id` is that export."""

    campaign_id: str
    platform: str
    customer_id: str
    reason: str | None
    export_id: str


class UnknownExportError(TerminalError):
    """There is no export with that id."""

    def __init__(self, export_id: str) -> None:
        super().__init__(f"there is no export {export_id!r}", "`lakehouse exports list` shows the ids.")


def listed_exports(lake: str, campaign_id: str | None = None, most: int = 50) -> list[ExportReport]:
    """Exports, newest first, at most `most`; of one campaign, if it is given."""
    return _exports(lake, campaign_id=campaign_id, export_id=None, most=most)


def export_report(lake: str, export_id: str) -> ExportReport:
    """One export. Raises UnknownExportError."""
    found = _exports(lake, campaign_id=None, export_id=export_id, most=1)
    if not found:
        raise UnknownExportError(export_id)
    return found[0]


def rejects(lake: str, campaign_id: str | None = None, most: int = 1000) -> list[RejectReport]:
    """Customers whom a platform refused when it was asked last, at most `most`. The next export tries them again."""
    with open_snapshot([], lake, optional=[EXPORTS, EXPORT_RECORDS]) as snapshot:
        if not {EXPORTS, EXPORT_RECORDS} <= snapshot.versions.keys():
            return []
        query = _REJECTS.format(reason="reason" if _has_reason(snapshot) else "null::varchar")
        rows = snapshot.connection.execute(query, {"campaign_id": campaign_id, "most": most}).fetchall()
        return [RejectReport(*row) for row in rows]


def _exports(lake: str, **chosen: str | int | None) -> list[ExportReport]:
    with open_snapshot([], lake, optional=[EXPORTS]) as snapshot:
        if EXPORTS not in snapshot.versions:
            return []
        rows = snapshot.connection.execute(_LIST, chosen).fetchall()
        first = len(_FACTS)
        return [
            ExportReport(
                **dict(zip(_FACTS, row[:first], strict=True)), counts=dict(zip(_COUNTS, row[first:], strict=True))
            )
            for row in rows
        ]


def _has_reason(snapshot: Snapshot) -> bool:
    """Whether the records have reasons: those of earlier versions of this project have none."""
    columns = snapshot.connection.execute("describe ops.export_records").fetchall()
    return "reason" in {name for name, *_ in columns}
