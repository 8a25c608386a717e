"""`lakehouse quarantine list|show|replay|dismiss`: show rejected rows, replay them, or decide not to repair them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import click

from lakehouse.cli.output import json_option, print_json, print_table, say
from lakehouse.messages import as_json_escapes, printable
from lakehouse.utils.canonical_json import json_text

_EPILOG = """\b
Examples:
  lakehouse quarantine list
  lakehouse quarantine show transactions --rule transactions.line_number.range
  lakehouse quarantine replay transactions
"""
_LIST = """\b
Examples:
  lakehouse quarantine list
  lakehouse quarantine list --json | jq '.[] | select(.count_rows > 100)'
"""
_SHOW = """\b
Examples:
  lakehouse quarantine show transactions
  lakehouse quarantine show transactions --rule transactions.line_number.range --limit 5
"""
_DISMISS = """\b
Examples:
  lakehouse quarantine dismiss consents --row events-1.csv@0123456789ab:17 --reason "a test entry of the shop"
  lakehouse quarantine dismiss consents --rule consents.status.allowed --reason "`pending` is no answer"
"""
_REPLAY = """\b
Examples:
  lakehouse quarantine replay transactions
"""


@click.group(epilog=_EPILOG)
def quarantine() -> None:
    """Quarantine: rejected rows, as received, with every rule of their contract that they broke."""


@quarantine.command("list", epilog=_LIST)
@json_option
def list_rules(as_json: bool) -> None:
    """Count rejected rows by dataset and rule. Needs no engine."""
    from lakehouse.config.settings import settings
    from lakehouse.quality.quarantine_report import overview

    found = overview(settings().lake)
    if as_json:
        print_json([dataclasses.asdict(rule) for rule in found])
    elif not found:
        say("No row is in quarantine.")
    else:
        names = ("dataset", "rule", "rows", "first", "last", "e.g. in file")
        print_table(
            names,
            [
                (rule.dataset, rule.rule_id, rule.count_rows, rule.first_at, rule.last_at, rule.example_file)
                for rule in found
            ],
        )


@quarantine.command(epilog=_SHOW)
@click.argument("dataset")
@click.option("--rule", help="Show only rows that broke this rule.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Show at most this many rows.")
@click.option("--show-personal-data", is_flag=True, help="Do not mask personal data.")
@json_option
def show(dataset: str, rule: str | None, limit: int, show_personal_data: bool, as_json: bool) -> None:
    """Show rejected rows of a dataset, newest first.

    Rows are shown as received; personal data is masked. Needs no engine.
    """
    from lakehouse.config.settings import settings
    from lakehouse.quality.quarantine_report import show as rejected

    found = rejected(settings().lake, dataset, rule, limit, show_personal_data)
    if as_json:
        print_json([dataclasses.asdict(row) for row in found])
        return
    if not found:
        say(f"No row of {dataset} is in quarantine" + (f" for {rule}." if rule else "."))
    for row in found:
        say(printable(f"{row.source_file} row {row.row_number}: {row.reason}"))
        say(f"  {', '.join(row.rule_ids)}")
        say(f"  {as_json_escapes(json_text(row.row))}")


@quarantine.command(epilog=_REPLAY)
@click.argument("dataset")
@json_option
def replay(dataset: str, as_json: bool) -> None:
    """Check the rejected rows of a dataset again.

    Applies today's mapping and contract: rows that pass now move to silver, the others stay. Running it twice changes
    nothing. Starts the engine if it is not running.
    """
    from lakehouse.config.feeds import feeds
    from lakehouse.config.settings import settings
    from lakehouse.contracts import Stage
    from lakehouse.orchestration.stages import run_stage
    from lakehouse.utils.work_record import recorded_work
    from lakehouse.window import BatchWindow

    # a wrong name or sources.yml fails here: failing in the stage, it would be recorded as the failure of a table
    feeds(dataset)
    now = datetime.now(UTC)
    window = BatchWindow.of(now, now, f"replay.{now:%Y-%m-%dT%H:%M:%S.%fZ}")
    with recorded_work(settings().work, f"`lakehouse quarantine replay {dataset}`"):
        (outcome,) = run_stage(Stage.REPLAY, dataset, window)
    counts = {
        "tried": outcome.read,
        "moved": outcome.loaded,
        "already_there": outcome.duplicates,
        "still_rejected": outcome.quarantined,
    }
    if as_json:
        print_json({"table": str(outcome.table), **counts})
    else:
        listed = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
        say(f"{outcome.table}: {listed}")


@quarantine.command(epilog=_DISMISS)
@click.argument("dataset")
@click.option("--rule", help="Dismiss all rows that broke this rule.")
@click.option("--row", "row", metavar="FILE:NUMBER", help="Dismiss one row, as `quarantine show` names it.")
@click.option("--reason", required=True, help="Why the rows need no repair; kept in ops.quarantine_dismissals.")
@json_option
def dismiss(dataset: str, rule: str | None, row: str | None, reason: str, as_json: bool) -> None:
    """Decide that rejected rows need no repair.

    A rejected row of consents that may be a refusal holds everybody back who can be recognised in it. A dismissed row
    holds nobody back from the next run on. Needs no engine.
    """
    from lakehouse.config.settings import settings
    from lakehouse.quality.dismissals import dismiss as dismiss_rows

    if (rule is None) == (row is None):
        raise click.UsageError("name either --rule or --row")
    count = dismiss_rows(settings().lake, dataset, reason, rule, row)
    if as_json:
        print_json({"dataset": dataset, "dismissed": count})
    else:
        say(f"{count:,} rejected rows of {dataset} dismissed")
