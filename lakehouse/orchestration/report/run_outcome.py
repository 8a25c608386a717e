"""The outcome of a run for one campaign, from what it left in the ops tables and the states of its tasks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from lakehouse.activation.planning.send_plan import plans_of_run
from lakehouse.activation.presend.recorded import is_dry_run
from lakehouse.activation.presend.stages import DROPPED
from lakehouse.activation.records.proofs import Proof, newest_by_destination, preview_file
from lakehouse.config.settings import settings
from lakehouse.orchestration.airflow_config import base_url
from lakehouse.orchestration.report.outcome import Failure, Outcome, outcome_of_run
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.tables import ops

log = logging.getLogger(__name__)
PAGES = "/lakehouse/campaigns"
_LEVELS = {"good": logging.INFO, "warn": logging.WARNING, "bad": logging.ERROR}
# Tasks that say how others ended.
_ABOUT_OTHERS = frozenset({"outcome", "watcher"})
# Of a stage that was tried again the last try counts.
_FAILED = """
    select stage, table_name, message
    from ops.runs
    where run_id = $run_id
    qualify row_number() over (partition by stage, table_name order by started_at desc) = 1 and status = 'failed'
    order by started_at
"""
_DROPPED = """
    select message from ops.runs where run_id = $run_id and stage = 'export' and starts_with(message, $dropped)
    order by started_at desc
    limit 1
"""
_BEGAN = "select min(started_at) from ops.runs where run_id = $run_id"


def log_outcome(campaign_id: str, run_id: str, states: Mapping[str, str]) -> Outcome:
    """Log how a run ended: first what was sent, or that nothing was and why, with the remedy, then where to look.

    Args:
        campaign_id: the campaign.
        run_id: id of the run in ops.runs.
        states: state by task of the run.
    """
    found, exports = run_outcome(campaign_id, run_id, states)
    for line in found.lines:
        log.log(_LEVELS[found.verdict], "%s", line)
    for plan in plans_of_run(settings().outbox, campaign_id, run_id):
        log.info("%s", plan.sentence)
    for name, place in places(exports).items():
        log.info("%s: %s", name, place)
    return found


def run_outcome(campaign_id: str, run_id: str, states: Mapping[str, str]) -> tuple[Outcome, list[Proof]]:
    """How a run ended, and the exports it made, one a destination."""
    with open_snapshot([], settings().lake, optional=[ops("runs")]) as snapshot:
        if ops("runs") not in snapshot.versions:
            rows, began = [], None
        else:
            rows = snapshot.connection.execute(_FAILED, {"run_id": run_id}).fetchall()
            began = snapshot.connection.execute(_BEGAN, {"run_id": run_id}).fetchall()[0][0]
    lake, outbox = settings().lake, settings().outbox
    made = newest_by_destination(lake, outbox, campaign_id, began) if began else []
    failures = [Failure(_place(stage, table), message or "") for stage, table, message in rows]
    if not failures:  # a task that was killed, or failed outside of a stage, left no row
        failed = sorted(task for task, state in states.items() if state == "failed" and task not in _ABOUT_OTHERS)
        failures = [Failure(f"task {task}", "") for task in failed]
    return outcome_of_run(campaign_id, made, failures, is_dry_run(run_id, lake), why_dropped(run_id)), made


def why_dropped(run_id: str) -> tuple[str, ...]:
    """Why a run dropped its campaign; empty when it did not."""
    with open_snapshot([], settings().lake, optional=[ops("runs")]) as snapshot:
        if ops("runs") not in snapshot.versions:
            return ()
        rows = snapshot.connection.execute(_DROPPED, {"run_id": run_id, "dropped": DROPPED}).fetchall()
    return tuple(message.removeprefix(DROPPED) for (message,) in rows)


def _place(stage: str, table: str) -> str:
    return stage if table in ("ops.exports", "ops.send_requests") else f"{stage} of {table}"


def places(exports: Sequence[Proof]) -> dict[str, str]:
    """Where a person reads more about exports: pages of the Airflow UI, and the files behind them."""
    if not exports:
        return {"exports of all campaigns": f"{base_url()}{PAGES}/index.html"}
    found = dict[str, str]()
    for export in exports:
        of = f" ({export.platform})" if len(exports) > 1 else ""
        page = f"{base_url()}{PAGES}/exports/{export.export_id}"
        found |= {f"page{of}": page, f"files{of}": str(export.manifest_file.parent)}
        if preview_file(settings().outbox, export.export_id):
            found[f"preview{of}"] = f"{page}/preview"
    return found
