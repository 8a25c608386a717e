"""The one way to run a stage of the pipeline: timed, balanced, recorded in ops.runs.

DAGs and the command line call `run_stage`; nothing else starts work on the lake. Stage modules are imported only when
they run, so that Airflow can parse the DAGs without loading Spark.
"""

from __future__ import annotations

import logging
import pkgutil
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakehouse.config.settings import settings
from lakehouse.contracts import Stage
from lakehouse.errors import ConfigurationError, ContractError, LakehouseError, StageTimeoutError
from lakehouse.outcome import NOTHING_NEW, TableOutcome
from lakehouse.utils.atomic_files import keep_new_files_private
from lakehouse.utils.foreign_errors import as_ours, kind_of
from lakehouse.utils.time_limit import time_limit
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)

# stage -> "module:function"; the function takes (target, window) and returns the outcomes
# of the tables it wrote.
STAGES: dict[Stage, str] = {
    Stage.REQUEST: "lakehouse.activation.presend.recorded:receive_request",
    Stage.EXTRACT: "lakehouse.sources.extract:extract_dataset",
    Stage.BRONZE: "spark_jobs.bronze_datasets:run",
    Stage.SILVER: "spark_jobs.silver_datasets:run",
    Stage.IDENTITIES: "spark_jobs.silver_identities:run",
    Stage.GATE: "lakehouse.quality.gate:run_gate",
    Stage.REPLAY: "lakehouse.silver.replay:run",
    Stage.GOLD: "lakehouse.gold.build:run_gold",
    Stage.PROFILES: "lakehouse.profiles.sync:run_sync",
    Stage.PLAN: "lakehouse.activation.presend.stages:plan",
    Stage.PREVIEW: "lakehouse.activation.presend.stages:preview",
    Stage.EXPORT: "lakehouse.activation.presend.stages:export",
    Stage.REMOVALS: "lakehouse.activation.presend.stages:remove_refused",
    Stage.READY: "lakehouse.activation.presend.stages:ready",
}

# The table of each stage that writes one; a gate is recorded under the table that it checks.
_WRITES = {
    Stage.REQUEST: "ops.send_requests",
    Stage.SILVER: "silver.{target}",
    Stage.REPLAY: "silver.{target}",
    Stage.IDENTITIES: "silver.identities",
    Stage.GOLD: "gold.dim_customers",
    Stage.PROFILES: "ops.served_profiles",
    Stage.PLAN: "ops.exports",
    Stage.PREVIEW: "ops.exports",
    Stage.EXPORT: "ops.exports",
    Stage.REMOVALS: "ops.exports",
    Stage.READY: "ops.exports",
}

# Stages that build on silver or gold as earlier runs left it; landing and bronze are only added to.
_ON_EARLIER_WORK = frozenset({Stage.SILVER, Stage.REPLAY, Stage.IDENTITIES, Stage.GOLD, Stage.EXPORT, Stage.REMOVALS})

StageFunction = Callable[..., list[TableOutcome]]


def run_stage(stage: Stage, target: str, window: BatchWindow, dag_id: str = "", **given: Any) -> list[TableOutcome]:
    """Run one stage on one target (dataset, table or campaign) and record what it did, also when it fails; not while it
    is pending.

    `given` goes to the stage: what somebody entered, which no table has yet.

    Errors are raised as errors of this project: terminal ones must not be retried, transient ones may be. A full disk
    is a DiskFullError, a lake that an earlier version made an OldLakeError, what nobody foresaw an UnexpectedError or,
    in a lake with damaged tables, a DamagedTableError, and a stage that takes longer than the settings allow a
    StageTimeoutError.
    """
    from lakehouse.storage.layout_version import prepare_layout, rename_former_columns

    keep_new_files_private()
    function: StageFunction = pkgutil.resolve_name(STAGES[stage])
    source = given.get("source")
    run = _StageRun(stage, target, source, window.run_id, dag_id, datetime.now(UTC), time.monotonic())
    try:
        rename_former_columns(settings().lake)
        if stage in _ON_EARLIER_WORK:
            prepare_layout(window, settings().lake)
        hours = settings().stage_timeout_hours
        with time_limit(hours * 3600, StageTimeoutError(stage, target, hours), _end_queries):
            outcomes = function(target, window, **given)
    except Exception as error:  # noqa: BLE001 - raised as ours
        from lakehouse.storage.damage import behind

        reported = behind(as_ours(error, f"{stage} {target}"), settings().lake)
        _record_failure(run, reported)
        raise reported from None
    _record(run, _finished(outcome for outcome in outcomes if not outcome.is_pending))
    return outcomes


def _end_queries() -> None:
    """End what the engine computes for this process, if it has a session: a query whose client has gone is
    interrupted."""
    if (spark := sys.modules.get("lakehouse.spark.session")) is not None:
        spark.close()


def written_tables(stage: Stage, target: str, source: str | None = None) -> list[str]:
    """Names of the tables that a stage writes (or gates) on a target, also when it fails before it can report any.

    Args:
        stage: The stage; gold is named by its profiles.
        target: Dataset, table or campaign.
        source: Of a dataset's bronze tables, only the one of this source, when it feeds the dataset.

    Returns:
        Table names; the target itself when nobody can name its tables any more (sources.yml is not valid, the dataset
        is unknown or fed by no source).
    """
    if stage in (Stage.EXTRACT, Stage.BRONZE):
        return _bronze_tables(target, source) or [target]
    return [_WRITES.get(stage, "{target}").format(target=target)]


def _bronze_tables(dataset: str, source: str | None) -> list[str]:
    from lakehouse.config.feeds import feeds

    try:
        declared = feeds(dataset)
    except (ConfigurationError, ContractError):
        return []
    chosen = [feed for feed in declared if feed.source == source] or declared
    return [str(feed.bronze) for feed in chosen]


@dataclass(frozen=True)
class _StageRun:
    """What all rows of one run of a stage in ops.runs have in common; `source` when it works for one source alone."""

    stage: Stage
    target: str
    source: str | None
    run_id: str
    dag_id: str
    started_at: datetime
    clock_at_start: float


def _record_failure(run: _StageRun, error: LakehouseError) -> None:
    """Record the tables that were written before the error, and as failed those that were not."""
    rows = _finished(error.outcomes)
    written = {row["table_name"] for row in rows}
    failed = {
        "status": "failed",
        "count_read": 0,
        "count_loaded": 0,
        "count_quarantined": 0,
        "count_duplicate": 0,
        "message": f"{type(error).__name__}: {error}"[:2000],
    }
    tables = written_tables(run.stage, run.target, getattr(error, "source", run.source))
    rows += [failed | {"table_name": table} for table in tables if table not in written]
    try:
        _record(run, rows)
    except OSError as also:
        log.warning("%s %s: its failure could not be recorded in ops.runs: %s", run.stage, run.target, kind_of(also))


def _finished(outcomes: Iterable[TableOutcome]) -> list[dict[str, Any]]:
    return [
        {
            "table_name": str(outcome.table),
            "status": "warning" if outcome.warnings else "success",
            "count_read": outcome.read,
            "count_loaded": outcome.loaded,
            "count_quarantined": outcome.quarantined,
            "count_duplicate": outcome.duplicates,
            "message": "; ".join((*outcome.warnings, *outcome.notes))[:2000]
            or (NOTHING_NEW if outcome.skipped else None),
        }
        for outcome in outcomes
    ]


def _record(run: _StageRun, rows: list[dict[str, Any]]) -> None:
    from lakehouse.storage.ops_tables import record

    common = {
        "run_id": run.run_id,
        "dag_id": run.dag_id,
        "stage": run.stage.value,
        "started_at": run.started_at,
        "finished_at": datetime.now(UTC),
        "seconds": time.monotonic() - run.clock_at_start,
    }
    record("runs", [common | row for row in rows], settings().lake)
