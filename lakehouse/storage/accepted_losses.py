"""Decisions that a table may lose rows, kept in ops.accepted_losses with who took them, when and why."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from datetime import UTC, datetime

from lakehouse.storage.ops_tables import record
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, ops

ACCEPTED_LOSSES = ops("accepted_losses")


def accept_losses(tables: Iterable[TableRef], reason: str, lake: str) -> None:
    """Record that these tables may have fewer rows than before."""
    common = {"reason": reason, "accepted_by": getpass.getuser(), "accepted_at": datetime.now(UTC)}
    record(ACCEPTED_LOSSES.name, [common | {"table_name": str(table)} for table in tables], lake)


def is_loss_accepted(table: TableRef, since: datetime, lake: str) -> bool:
    """Whether somebody accepted, after `since`, that the table lost rows."""
    found = Table(ACCEPTED_LOSSES, lake).rows(["accepted_at"], [("table_name", "=", str(table))])
    return found is not None and any(moment > since for moment in found["accepted_at"].to_pylist())
