"""`lakehouse status`: the tables of the lake, how old they are, and whether their last stage succeeded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from lakehouse.cli.output import age, json_option, print_json, print_table, say
from lakehouse.messages import printable

if TYPE_CHECKING:
    from lakehouse.diagnostics.table_status import LakeStatus, LastRun

_EPILOG = """\b
Examples:
  lakehouse status
  lakehouse status --json | jq '.tables[] | select(.age_seconds > 86400) | .table'
"""


@click.command(epilog=_EPILOG)
@json_option
def status(as_json: bool) -> None:
    """Show the age and the last run of every table, and the stages whose newest run failed. Needs no engine."""
    from lakehouse.config.settings import settings
    from lakehouse.diagnostics.table_status import lake_status

    chosen = settings()
    found, now = lake_status(chosen.lake), datetime.now(UTC)
    if as_json:
        print_json(_as_json(found, chosen.lake, now))
        return
    if not found.tables:
        say(f"The lake {chosen.lake} has no tables yet: `lakehouse run` creates them.")
        return
    rows = [
        (
            str(table.table),
            table.rows,
            table.version,
            age(table.committed_at, now) if table.committed_at else "",
            table.last_run.stage if table.last_run else "",
            "damaged" if table.damage else _outcome(table.last_run),
        )
        for table in found.tables
    ]
    print_table(("table", "rows", "version", "committed", "last stage", "outcome"), rows)
    for table in found.tables:
        if table.damage:
            say(f"damaged: {table.table}: {table.damage}; see `lakehouse repair {table.table}`")
    for name, run in found.failed:
        say(f"failed: {run.stage} of {name}, {age(run.finished_at, now)} ago: {printable(run.message or '')}")


def _outcome(run: LastRun | None) -> str:
    return "" if run is None else f"{run.status}: {run.message}" if run.message else run.status


def _as_json(found: LakeStatus, lake: str, now: datetime) -> dict[str, Any]:
    return {
        "lake": lake,
        "tables": [
            {
                "table": str(table.table),
                "rows": table.rows,
                "version": table.version,
                "committed_at": table.committed_at,
                "age_seconds": None if (seconds := table.age_seconds(now)) is None else round(seconds, 1),
                "damage": table.damage,
                "last_run": _run(table.last_run) if table.last_run else None,
            }
            for table in found.tables
        ],
        "failed": [{"name": name, **_run(run)} for name, run in found.failed],
    }


def _run(run: LastRun) -> dict[str, Any]:
    return {
        "stage": run.stage,
        "run_id": run.run_id,
        "status": run.status,
        "finished_at": run.finished_at,
        "message": run.message,
    }
