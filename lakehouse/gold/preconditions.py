"""Whether gold may be built: every silver table was checked since it was last written, and nothing blocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from lakehouse.config.settings import PROJECT_ROOT, settings
from lakehouse.errors import QualityGateFailed, TerminalError, TransientError
from lakehouse.quality.verdicts import latest_gates
from lakehouse.storage.damage import refuse_damaged
from lakehouse.storage.discovery import newest_version
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, gold


class GateNotFinishedError(TransientError):
    """A table was written after its gate last ran."""

    def __init__(self, tables: list[str]) -> None:
        super().__init__(
            f"no gate has checked the newest {', '.join(tables)}",
            "An ingest may be under way; if none is, run ingest_crm and ingest_transactions, which end with the gates.",
        )


class NothingLoadedError(TerminalError):
    """Gold would be built from tables that are not there."""

    def __init__(self, tables: list[str]) -> None:
        super().__init__(
            f"there is nothing to build profiles from: no {', '.join(tables)} yet",
            "No source has delivered anything about customers so far. Fix what kept the sources of conf/sources.yml"
            " from loading (the failed extract tasks name it), then run again.",
        )


def require_loaded(tables: Sequence[TableRef]) -> None:
    """Pass when all of the tables exist, empty or not: they do from the first delivery on that names a customer. Else
    NothingLoadedError."""
    missing = [table for table in tables if newest_version(table, settings().lake) is None]
    if missing:
        refuse_damaged(settings().lake, missing)
        raise NothingLoadedError(list(map(str, missing)))


def require_checked_and_open(tables: Sequence[TableRef]) -> None:
    """Pass when every one of the tables that has been loaded was checked after its last change and nothing blocks.

    Raises QualityGateFailed with the rules and rows of every blocked table, and GateNotFinishedError when a table has
    changed since its gate last ran.
    """
    states = latest_gates(settings().lake)
    blocked = [states[str(table)] for table in tables if str(table) in states and states[str(table)].is_blocked]
    if blocked:
        raise QualityGateFailed(
            ", ".join(state.table for state in blocked),
            [(f"{state.table}: {rule}", rows) for state in blocked for rule, rows in state.failures],
            [f"{state.table}: {words}" for state in blocked for words in state.said],
        )
    unchecked = [
        str(table)
        for table in tables
        if _changed_after(table, states[str(table)].checked_at if str(table) in states else None)
    ]
    if unchecked:
        raise GateNotFinishedError(unchecked)


def _changed_after(table: TableRef, checked_at: datetime | None) -> bool:
    found = Table(table, settings().lake).delta
    if found is None or Table(table, settings().lake).is_never_loaded:
        return False
    if checked_at is None:
        return True
    return datetime.fromtimestamp(found.history(1)[0]["timestamp"] / 1000, UTC) > checked_at


def gated_gold() -> list[TableRef]:
    """The gold tables that have expectations, each a file expectations/gold_<table>.py."""
    return [gold(path.stem.removeprefix("gold_")) for path in sorted((PROJECT_ROOT / "expectations").glob("gold_*.py"))]
