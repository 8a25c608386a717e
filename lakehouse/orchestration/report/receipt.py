"""The receipt of a campaign's newest export, as lines for a log."""

from __future__ import annotations

import logging

from lakehouse.config.settings import settings
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.tables import ops

log = logging.getLogger(__name__)


def log_receipt(campaign_id: str) -> None:
    """Log every column of the campaign's newest row in ops.exports. Raises MissingTableError when nothing was ever
    exported."""
    with open_snapshot([ops("exports")], settings().lake) as snapshot:
        found = snapshot.connection.execute(
            "select * from ops.exports where campaign_id = ? order by finished_at desc limit 1", [campaign_id]
        )
        names = [column[0] for column in found.description or []]
        row = found.fetchone()
    if row is None:
        log.warning("campaign %s was never exported", campaign_id)
        return
    log.info("receipt of campaign %s (manifest below %s)", campaign_id, settings().outbox)
    for name, value in zip(names, row, strict=True):
        log.info("  %-18s %s", name, value)
