"""Stage `gold`: what is outdated of it in one dbt invocation, or the stock taken after model tasks built it."""

from __future__ import annotations

from collections.abc import Collection

from lakehouse.config.settings import settings
from lakehouse.errors import ContractError
from lakehouse.gold.dbt_runner import build_gold
from lakehouse.gold.preconditions import require_checked_and_open, require_loaded
from lakehouse.gold.staleness import (
    AS_OF,
    PROJECT,
    SILVER_TABLES,
    changed_inputs,
    record_gold_built,
    record_gold_started,
)
from lakehouse.outcome import TableOutcome
from lakehouse.spark.session import forget_missing
from lakehouse.storage.discovery import existing_tables
from lakehouse.storage.reader import open_table
from lakehouse.tables import Layer
from lakehouse.window import BatchWindow


def run_gold(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Target `build`: build what is outdated, from silver whose gates are all open. Target `built`: tasks have built
    it; count and remember.

    Raises what the gates raise (NothingLoadedError, QualityGateFailed, GateNotFinishedError), with gold untouched, and
    what the build and its tests raise.
    """
    if target == "built":
        record_gold_built(window)
        return _tables()
    if target != "build":
        raise ContractError("gold", f"there is no target {target!r}", "Use `build` or `built`.")
    require_loaded(list(SILVER_TABLES))
    require_checked_and_open(list(SILVER_TABLES))
    return build_outdated(window, with_tests=True)


def build_outdated(window: BatchWindow, with_tests: bool = False) -> list[TableOutcome]:
    """Build the models downstream of what changed since the last good build, and of nothing else; the other tables are
    skipped.

    A build that is stopped, or whose tests fail, is repeated whole by the next one. Raises what the build raises.
    """
    changed = changed_inputs(window)
    built = []
    if changed:
        begin_build(window)
        built = build_gold(window, selection(changed), with_tests)
        record_gold_built(window)
    done = {outcome.table for outcome in built}
    return [*built, *(TableOutcome(table.table, skipped=True) for table in _tables() if table.table not in done)]


def begin_build(window: BatchWindow) -> None:
    """Before the first model: note what the build reads, and have the engine know gold as it is in the lake."""
    forget_missing(Layer.GOLD)
    record_gold_started(window)


def selection(changed: Collection[str]) -> str | None:
    """What dbt has to build after these inputs changed, in its syntax; None for everything."""
    if PROJECT in changed:
        return None
    sources = [f"source:{name}+" for name in sorted(changed) if name != AS_OF]
    return " ".join([*sources, *(["int_run_inputs+"] if AS_OF in changed else [])])


def _tables() -> list[TableOutcome]:
    """One outcome per gold table, without dbt's own intermediate state: the rows it has now."""
    tables = [
        table
        for table in existing_tables(settings().lake)
        if table.layer is Layer.GOLD and not table.name.startswith("int_")
    ]
    found = [(table, open_table(table, settings().lake)) for table in tables]
    counts = [(table, delta.count()) for table, delta in found if delta is not None]
    return [TableOutcome(table, read=rows, loaded=rows) for table, rows in counts]
