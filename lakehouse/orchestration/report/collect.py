"""From what a run left in the ops tables and on the clock to its RunSummary."""

from __future__ import annotations

import shlex
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lakehouse.activation.presend.recorded import is_dry_run
from lakehouse.activation.records.proofs import Proof, newest_by_destination, waiting_previews
from lakehouse.activation.segments.catalogue import segment_names
from lakehouse.config.settings import Settings, settings
from lakehouse.orchestration.output_capture import run_log
from lakehouse.orchestration.report.models import (
    ALLOWS_PAST_SEND,
    ExportFacts,
    GateFacts,
    RunSummary,
    StageFacts,
    TaskFailure,
)
from lakehouse.orchestration.report.outcome import Failure, outcome_of_run
from lakehouse.orchestration.report.run_outcome import why_dropped
from lakehouse.quality.verdicts import latest_gates
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.tables import gold, ops

_MODELS = "models."


@dataclass(frozen=True)
class Clock:
    """Wall seconds of a run: all of it, until the first DAG began, per DAG, and per (DAG, task)."""

    total: float
    start: float
    dags: dict[str, float]
    tasks: dict[tuple[str, str], float]


def collect(
    campaign_id: str,
    conf: dict[str, Any],
    moment: datetime,
    run_ids: tuple[str, ...],
    failures: tuple[TaskFailure, ...],
    clock: Clock,
) -> RunSummary:
    """Read the ops tables for `run_ids`; works however far the run came."""
    wanted = {"runs": ops("runs"), "segments": gold("segment_members")}
    with open_snapshot([], settings().lake, optional=wanted.values()) as snapshot:
        connection = snapshot.connection
        has_runs = wanted["runs"] in snapshot.versions
        stages = _stages(connection, run_ids) if has_runs else ()
        stage_seconds = _stage_seconds(connection, run_ids) if has_runs else {}
        segments = _segments(connection) if wanted["segments"] in snapshot.versions else {}
    gates = tuple(
        GateFacts(
            state.table, state.count_rules - len(state.failures) - len(state.warnings), state.warnings, state.failures
        )
        for _, state in sorted(latest_gates(settings().lake).items())
    )
    lake = settings().lake
    made = newest_by_destination(lake, settings().outbox, campaign_id, moment)
    export = made[-1] if made else None
    newest = run_ids[-1] if run_ids else ""
    failed = [Failure(str(failure), failure.error) for failure in failures]
    told = outcome_of_run(campaign_id, made, failed, is_dry_run(newest, lake), why_dropped(newest))
    return RunSummary(
        engine=settings().engine,
        campaign_id=campaign_id,
        as_of=conf["as_of"],
        is_full=conf["full"],
        started_at=moment.isoformat(timespec="seconds"),
        seconds=clock.total,
        run_ids=run_ids,
        stages=stages,
        gates=gates,
        segments=segments,
        outcome=told.lines,
        export=_facts(export) if export else None,
        failures=failures,
        spent=_seconds_by_part(clock, stage_seconds),
        pages=_pages(campaign_id, moment, export),
        next_steps=_next_steps(_command(campaign_id, conf, moment), stages, failures),
    )


def _stages(connection: Any, run_ids: tuple[str, ...]) -> tuple[StageFacts, ...]:
    found = connection.execute(
        "select dag_id, stage, table_name, status, count_read, count_loaded, count_quarantined, count_duplicate,"
        " seconds, coalesce(message, '') from ops.runs where run_id in (select unnest(?)) order by started_at",
        [list(run_ids)],
    ).fetchall()
    return tuple(StageFacts(*row) for row in found)


def _stage_seconds(connection: Any, run_ids: tuple[str, ...]) -> dict[str, float]:
    """Seconds by stage; a stage that wrote several tables has a row for each, all with the time of the whole."""
    return dict(
        connection.execute(
            "select stage, sum(seconds) from (select distinct dag_id, stage, started_at, seconds from ops.runs"
            " where run_id in (select unnest(?))) group by stage",
            [list(run_ids)],
        ).fetchall()
    )


def _facts(export: Proof) -> ExportFacts:
    manifest = str(export.manifest_file.relative_to(settings().outbox))
    return ExportFacts(export.campaign_id, export.platform, export.status, dict(export.counts), manifest)


def _segments(connection: Any) -> dict[str, int]:
    """Members by segment; 0 for one that has none."""
    return dict.fromkeys(sorted(segment_names()), 0) | dict(
        connection.execute(
            "select segment, count(*) from gold.segment_members group by segment order by segment"
        ).fetchall()
    )


def _seconds_by_part(clock: Clock, stage_seconds: dict[str, float]) -> dict[str, float]:
    """Where the wall time went. Stages by their own clock, dbt by its tasks; what is left of the DAGs' time is
    Airflow's."""
    dbt: dict[str, float] = defaultdict(float)
    for (dag_id, task_id), seconds in clock.tasks.items():
        if dag_id == "build_profiles" and task_id.startswith(_MODELS):
            dbt["dbt models"] += seconds
        elif (dag_id, task_id) in {("build_profiles", "test"), ("build_profiles", "docs")}:
            dbt[f"dbt {task_id}"] += seconds
    in_dags = sum(clock.dags.values())
    airflow = in_dags - sum(stage_seconds.values()) - sum(dbt.values())
    return {
        "start (imports, engine, DAGs)": clock.start,
        **stage_seconds,
        **dbt,
        "Airflow, imports, records": airflow,
        "summary": clock.total - clock.start - in_dags,
    }


def _pages(campaign_id: str, moment: datetime, export: Proof | None) -> dict[str, str]:
    site = settings().docs_site
    places = {"lake": settings().lake, "outbox": str(settings().outbox), "dbt docs": str(site / "dbt" / "index.html")}
    places |= {"Data Docs": str(site / "data_docs" / "index.html"), "log of this run": str(run_log(moment))}
    if export is None:
        waiting = next(iter(waiting_previews(settings().outbox, campaign_id)), None)
        is_new = waiting is not None and waiting.stat().st_mtime >= moment.timestamp()
        return places | ({"preview": str(waiting)} if is_new else {})
    preview = {"preview": str(export.preview)} if export.preview else {}
    return places | preview | {"manifest": str(export.manifest_file)}


def _command(campaign_id: str, conf: dict[str, Any], moment: datetime) -> str:
    """The command that repeats this run, with its as-of moment unless that was now: profiles depend on it."""
    as_of = datetime.fromisoformat(conf["as_of"])
    option = f" --as-of {as_of:%Y-%m-%dT%H:%M:%SZ}" if as_of != moment.replace(microsecond=0) else ""
    engine = (
        "" if settings().engine == Settings.model_fields["engine"].default else f"LAKEHOUSE_ENGINE={settings().engine} "
    )
    if ALLOWS_PAST_SEND in conf:
        return f"{engine}{program()} run --campaign {campaign_id}{option}"
    return f"{engine}{program()} presend {campaign_id}{option}{_asked_options(conf)}"


def _asked_options(conf: dict[str, Any]) -> str:
    """What was asked for, as options of `lakehouse presend`."""
    given = [("send-at", str(conf["send_at"]))] if conf.get("send_at") else []
    given += [("destination", name) for name in conf.get("destinations") or ()]
    given += [("fresh", limit) for limit in conf.get("freshness") or ()]
    return "".join(f" --{name} {shlex.quote(value)}" for name, value in given)


def _next_steps(again: str, stages: tuple[StageFacts, ...], failures: tuple[TaskFailure, ...]) -> tuple[str, ...]:
    lakehouse = program()
    look = (
        (f"{lakehouse} quarantine list    # rows that broke their contract",)
        if any(stage.count_quarantined for stage in stages)
        else ()
    )
    if failures:
        return (f"{lakehouse} doctor", *look, f"{again}    # after fixing the cause: finished work is not repeated")
    return (
        f'{lakehouse} sql "select segment, count(*) from gold.segment_members group by 1 order by 2 desc"',  # noqa: S608 - to be read
        *look,
        f"{again}    # again: exports only what changed",
        "make up    # the same DAGs with the Airflow UI",
    )


def program() -> str:
    """How this program was called, to be copied from the summary: programs of a virtual environment are not on the
    PATH."""
    called = Path(sys.argv[0])
    if called.name != "lakehouse":
        return "lakehouse"
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)
