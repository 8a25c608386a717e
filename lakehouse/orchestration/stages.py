"""The stages of the pipeline by name, and the one way to run one: timed, balanced, recorded in ops.runs.

DAGs and the command line call `run_stage`; nothing else starts work on the lake. Stage modules are imported only when
they run, so that Airflow can parse the DAGs without loading Spark.
"""

from __future__ import annotations

import logging
import pkgutil
import time
from collections.abc import Callable
from datetime import UTC, datetime

from lakehouse.config.settings import settings
from lakehouse.errors import ConfigurationError, ContractError
from lakehouse.outcome import TableOutcome
from lakehouse.utils.disk_full import no_room
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)

# stage -> "module:function" ({target} = what it works on); the function takes (target, window) and returns the outcomes
# of the tables it wrote.
STAGES: dict[str, str] = {
    "extract": "lakehouse.sources.extract:extract_dataset",
    "bronze": "spark_jobs.bronze_datasets:run",
    "silver": "spark_jobs.silver_{target}:run",
    "identities": "spark_jobs.silver_identities:run",
    "gate": "lakehouse.quality.gate:run_gate",
    "replay": "lakehouse.silver.replay:run",
    "gold": "lakehouse.gold.build:run_gold",
    "export": "lakehouse.activation.export:export_campaign",
}

# What the stages write that do not write one bronze table a source; the gate looks at its target.
_WRITES = {
    "silver": "silver.{target}",
    "replay": "silver.{target}",
    "identities": "silver.identities",
    "gold": "gold.dim_customers",
    "export": "ops.exports",
}

# Stages that build on silver or gold as earlier runs left it; landing and bronze are only added to.
_ON_EARLIER_WORK = frozenset({"silver", "replay", "identities", "gold", "export"})

Stage = Callable[[str, BatchWindow], list[TableOutcome]]


def run_stage(stage: str, target: str, window: BatchWindow, dag_id: str = "") -> list[TableOutcome]:
    """Run one stage on one target (dataset, table or campaign) and record what it did, also when it fails.

    The original error goes on to the caller: Terminal errors must not be retried, Transient ones may be. A full disk is
    a DiskFullError, a lake that an earlier version made an OldLakeError.
    """
    from lakehouse.storage.layout_version import prepare_layout, rename_former_columns

    work: Stage = pkgutil.resolve_name(STAGES[stage].format(target=target))
    started, clock = datetime.now(UTC), time.monotonic()
    try:
        rename_former_columns(settings().lake)
        if stage in _ON_EARLIER_WORK:
            prepare_layout(window, settings().lake)
        outcomes = work(target, window)
    except Exception as error:
        said = no_room(error, f"{stage} {target}") or error
        try:
            _record(stage, target, window, dag_id, started, time.monotonic() - clock, [], said)
        except OSError as also:
            log.warning("%s %s: its failure could not be recorded in ops.runs: %s", stage, target, also)
        if said is error:
            raise
        raise said from error
    _record(stage, target, window, dag_id, started, time.monotonic() - clock, outcomes, None)
    return outcomes


def tables_of(stage: str, target: str, source: str | None = None) -> list[str]:
    """Names of the tables that a stage writes (or gates) on a target, also when it fails before it can say so.

    `source`: of a dataset's bronze tables only the one of that source, when it feeds the dataset. Gold is named by its
    profiles. What nobody can name any more (sources.yml is wrong, the dataset unknown or fed by none) is called by its
    target.
    """
    if stage in ("extract", "bronze"):
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


def _record(
    stage: str,
    target: str,
    window: BatchWindow,
    dag_id: str,
    started: datetime,
    seconds: float,
    outcomes: list[TableOutcome],
    error: Exception | None,
) -> None:
    from lakehouse.storage.ops_tables import record

    common = {
        "run_id": window.run_id,
        "dag_id": dag_id,
        "stage": stage,
        "started_at": started,
        "finished_at": datetime.now(UTC),
        "seconds": seconds,
    }
    outcomes = outcomes if error is None else list(getattr(error, "outcomes", ()))
    rows = [
        common
        | {
            "table_name": str(outcome.table),
            "status": "warning" if outcome.warnings else "success",
            "count_read": outcome.read,
            "count_loaded": outcome.loaded,
            "count_quarantined": outcome.quarantined,
            "count_duplicate": outcome.duplicates,
            "message": "; ".join(outcome.warnings)[:2000] or ("nothing new" if outcome.skipped else None),
        }
        for outcome in outcomes
    ]
    if error is not None:
        counts = {"count_read": 0, "count_loaded": 0, "count_quarantined": 0, "count_duplicate": 0}
        failed = common | counts | {"status": "failed", "message": f"{type(error).__name__}: {error}"[:2000]}
        done = {row["table_name"] for row in rows}
        rows += [
            failed | {"table_name": table}
            for table in tables_of(stage, target, getattr(error, "source", None))
            if table not in done
        ]
    record("runs", rows, settings().lake)
