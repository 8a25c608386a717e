"""Stage `gold`: all of gold in one dbt invocation, skipped when it would change nothing, or taken stock of after model tasks built it."""

from __future__ import annotations

from lakehouse.delta.storage import open_table
from lakehouse.errors import ContractError
from lakehouse.gold import build_gold
from lakehouse.listing import existing_tables
from lakehouse.outcome import TableOutcome
from lakehouse.platform.gates import require_checked_and_open
from lakehouse.platform.gold_state import SILVER_TABLES, is_gold_current, record_gold_built, record_gold_started
from lakehouse.settings import settings
from lakehouse.tables import Layer
from lakehouse.window import BatchWindow


def run_gold(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Target `build`: build what is outdated, from silver whose gates are all open. Target `built`: tasks have built it; count and remember.

    Raises what the gates raise (QualityGateFailed, GateNotFinishedError), with gold untouched, and what the build raises.
    """
    if target == "built":
        record_gold_built(window)
        return _tables()
    if target != "build":
        raise ContractError("gold", f"there is no target {target!r}", "Use `build` or `built`.")
    require_checked_and_open(list(SILVER_TABLES))
    if is_gold_current(window):
        return [TableOutcome(outcome.table, skipped=True) for outcome in _tables()]
    record_gold_started(window)
    outcomes = build_gold(window)
    record_gold_built(window)
    return outcomes


def _tables() -> list[TableOutcome]:
    """One outcome per gold table, without dbt's own intermediate state: the rows it has now."""
    tables = [table for table in existing_tables(settings().lake) if table.layer is Layer.GOLD and not table.name.startswith("int_")]
    found = [(table, open_table(table, settings().lake)) for table in tables]
    counts = [(table, delta.count()) for table, delta in found if delta is not None]
    return [TableOutcome(table, read=rows, loaded=rows) for table, rows in counts]
