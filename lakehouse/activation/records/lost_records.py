"""Whether the record of what was sent is complete: without it everybody would be sent again, and nobody removed."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.records.manifest import RECEIPT
from lakehouse.errors import ExportRefusedError
from lakehouse.storage.duckdb_views import Snapshot

_OF_CAMPAIGN = "campaign_id = $campaign_id and platform = $platform"
# A repair said what it could not make again; what was before it is not asked for any more.
_REPAIRED = """
    select coalesce(max(repaired_at), timestamptz '1970-01-01 00:00:00+00')
    from ops.repairs
    where table_name = 'ops.export_records'
"""
_RECORDED = f"""
    select export_id, count(distinct customer_id) as count_recorded
    from ops.export_records
    where {_OF_CAMPAIGN}
    group by export_id
"""  # noqa: S608 - constants only
_INCOMPLETE = f"""
    with recorded as ({_RECORDED})

    select exports.export_id
    from ops.exports as exports
    left join recorded on exports.export_id = recorded.export_id
    where
        {_OF_CAMPAIGN}
        and exports.count_exported + exports.count_rejected > coalesce(recorded.count_recorded, 0)
        and exports.finished_at > ({_REPAIRED})
"""  # noqa: S608 - constants only


def lost_exports(snapshot: Snapshot, campaign: Campaign, folder: Path) -> list[str]:
    """Exports of a campaign of which ops.export_records lacks customers, by ops.exports, and where that lacks the
    export by its receipt in `folder`."""
    chosen = {"campaign_id": campaign.id, "platform": campaign.destination}
    query = snapshot.connection.execute
    found = [export_id for (export_id,) in query(_INCOMPLETE, chosen).fetchall()]
    known = {row[0] for row in query(f"select export_id from ops.exports where {_OF_CAMPAIGN}", chosen).fetchall()}  # noqa: S608 - constants only
    unknown = [path for path in folder.glob(f"*/{RECEIPT}") if path.parent.name not in known]
    if unknown:
        recorded = dict(query(_RECORDED, chosen).fetchall())
        repaired_at = query(_REPAIRED).fetchall()[0][0]
        found += [path.parent.name for path in unknown if _lacks_customers(path, recorded, repaired_at)]
    return sorted(found)


def lost_records_error(campaign: Campaign, lost: list[str]) -> ExportRefusedError:
    """Why nothing was sent."""
    return ExportRefusedError(
        campaign.id,
        campaign.destination,
        f"ops.export_records does not have what {len(lost)} exports have sent (first: {lost[0]}), so everybody would"
        " be sent again, and nobody removed",
        "Run `lakehouse repair ops.export_records`, which makes the rows again from the outbox. Customers who must not"
        " be written to were removed, as far as the record knows them.",
    )


def _lacks_customers(receipt: Path, recorded: dict[str, int], repaired_at: datetime) -> bool:
    content = json.loads(receipt.read_bytes())
    sent = sum(batch["accepted"] + len(batch["rejected"]) for batch in content["batches"])
    is_later = datetime.fromisoformat(content["finished_at"]) > repaired_at
    return is_later and sent > recorded.get(receipt.parent.name, 0)
