"""Stage `gold`: build what is out of date in one dbt invocation, or record a build that model tasks have done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from lakehouse.config.settings import settings
from lakehouse.errors import ContractError
from lakehouse.gold.dbt_runner import build_gold
from lakehouse.gold.preconditions import require_checked_and_open, require_loaded
from lakehouse.gold.staleness import (
    PROJECT_FINGERPRINT,
    SEGMENTS,
    SILVER_TABLES,
    changed_inputs,
    is_gold_current,
    record_gold_built,
    record_gold_started,
)
from lakehouse.outcome import TableOutcome
from lakehouse.spark.session import forget_missing
from lakehouse.storage.discovery import existing_tables
from lakehouse.storage.gold_builds import as_built, gold_alone, gold_at_rest, require_own_build
from lakehouse.storage.progress import AS_OF
from lakehouse.storage.table import Table
from lakehouse.tables import Layer
from lakehouse.window import BatchWindow


def run_gold(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Run the stage.

    Args:
        target: `build`: build what is out of date, from silver whose gates are all open. `built`: the tasks of a DAG
            have built it, one per model; remember that, and report the tables.
        window: The run.

    Raises:
        NothingLoadedError, QualityGateFailed, GateNotFinishedError: Gold is left as it is.
        GoldBuildFailed: A model or test failed; the next build starts over.
    """
    match target:
        case "build":
            require_loaded(SILVER_TABLES)
            require_checked_and_open(SILVER_TABLES)
            return build_outdated(window, with_tests=True)
        case "built":
            record_gold_built(window)
            return _all_tables()
        case _:
            raise ContractError("gold", f"there is no target {target!r}", "Use `build` or `built`.")


def build_outdated(window: BatchWindow, with_tests: bool = False) -> list[TableOutcome]:
    """Build the models downstream of what changed since the last good build; the other tables are reported as skipped.

    A build that is stopped, or whose tests fail, is repeated whole by the next one. Another run's build is waited for,
    and its as-of moment kept where this run takes it: gold does not go back to when a run began. Raises what
    `build_gold` raises, and GoldBusyError.
    """
    with gold_alone(settings().home, settings().query_timeout_seconds):
        window = as_built(window, settings().lake)
        changed = changed_inputs(window)
        if not changed:
            return _skipped(_all_tables())
        _note_beginning(window)
        built = build_gold(window, selection(changed), with_tests)
        record_gold_built(window)
    names = {outcome.table for outcome in built}
    return [*built, *_skipped(outcome for outcome in _all_tables() if outcome.table not in names)]


def begin_build(window: BatchWindow) -> bool:
    """Begin a build whose models are tasks, unless gold is up to date; returns whether it has begun.

    Models of another run that are at work are waited for. Raises GoldBusyError.
    """
    with gold_alone(settings().home, settings().query_timeout_seconds):
        if is_gold_current(window):
            return False
        _note_beginning(window)
        return True


@contextmanager
def writing_for(window: BatchWindow) -> Iterator[None]:
    """Around each model of such a build: no other build begins meanwhile.

    Raises BuildOvertakenError when another one has begun, and GoldBusyError.
    """
    chosen = settings()
    with gold_at_rest(chosen.home, chosen.query_timeout_seconds):
        require_own_build(window, chosen.lake)
        yield


def _note_beginning(window: BatchWindow) -> None:
    """Before the first model: note what the build reads, and have the engine forget gold tables that were removed."""
    forget_missing(Layer.GOLD)
    record_gold_started(window)


def selection(changed: Collection[str]) -> str | None:
    """What dbt has to build after these inputs changed, in its syntax; None for everything."""
    if PROJECT_FINGERPRINT in changed:
        return None
    models = {AS_OF: "int_run_inputs+", SEGMENTS: "segment_members+"}
    sources = [f"source:{name}+" for name in sorted(changed) if name not in models]
    return " ".join([*sources, *(model for name, model in models.items() if name in changed)])


def _skipped(outcomes: Iterable[TableOutcome]) -> list[TableOutcome]:
    return [TableOutcome(outcome.table, skipped=True) for outcome in outcomes]


def _all_tables() -> list[TableOutcome]:
    """One outcome per gold table with the rows it has now, without the intermediate tables of the increments."""
    lake = settings().lake
    tables = [
        table for table in existing_tables(lake) if table.layer is Layer.GOLD and not table.name.startswith("int_")
    ]
    found = [(table, Table(table, lake).delta) for table in tables]
    counts = [(table, delta.count()) for table, delta in found if delta is not None]
    return [TableOutcome(table, read=rows, loaded=rows) for table, rows in counts]
