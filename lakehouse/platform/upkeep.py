"""Upkeep of the ops tables: every record is a small file of its own, and reading hundreds of them costs more than what they say.

`python -m lakehouse.platform.upkeep` does it once; `lakehouse run` does it at its end, the platform's supervisor every hour.
"""

from __future__ import annotations

import logging

from deltalake import DeltaTable

from lakehouse.contracts import OPS_TABLES
from lakehouse.delta.records import retried
from lakehouse.delta.storage import open_table
from lakehouse.settings import settings
from lakehouse.tables import TableRef, ops

log = logging.getLogger(__name__)
_FILES = 24


def compact_ops_tables() -> list[TableRef]:
    """Put the small files of each ops table together, and its log; returns the tables that needed it. Rows stay as they are.

    Safe beside writers: an append does not conflict with it. Raises CommitConflictError when another compaction goes first again and again.
    """
    compacted = []
    for table in (ops(name) for name in OPS_TABLES):
        found = open_table(table, settings().lake)
        if found is not None and len(found.file_uris()) > _FILES:
            _compact(table, found)
            compacted.append(table)
    return compacted


def _compact(table: TableRef, found: DeltaTable) -> None:
    def commit() -> None:
        found.update_incremental()
        found.optimize.compact()
        found.create_checkpoint()

    retried(table, commit)
    log.info("%s: small files put together", table)


if __name__ == "__main__":
    compact_ops_tables()
