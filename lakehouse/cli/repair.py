"""`lakehouse repair`: damaged tables, what they can be made from again, and making them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.cli.output import say

if TYPE_CHECKING:
    from lakehouse.orchestration.repair.plan import Plan
    from lakehouse.tables import TableRef

_EPILOG = """\b
Examples:
  lakehouse repair
  lakehouse repair silver.contacts
  lakehouse repair ops.export_records --yes
"""


@click.command(epilog=_EPILOG)
@click.argument("table", required=False)
@click.option("--yes", is_flag=True, help="Do not ask before the repair.")
@click.option("--anyway", is_flag=True, help="Make the table again although it can be read.")
def repair(table: str | None, yes: bool, anyway: bool) -> None:
    """Say what a damaged table can be made from again, what would be lost and what it costs, and do it after a yes.

    Without TABLE the damaged tables are listed. The damaged folder is moved to `.damaged` in the lake and never
    removed. Airflow must be down, and no run at work.
    """
    from lakehouse.orchestration.repair.carry_out import repair as carry_out
    from lakehouse.orchestration.repair.plan import plan_repair

    if table is None:
        _list_damaged()
        return
    plan = plan_repair(_table(table))
    if not plan.damage and not anyway:
        say(f"{table} can be read: there is nothing to repair. --anyway makes it again.")
        return
    _show(plan)
    if plan.blocked:
        raise click.exceptions.Exit(1)
    if not yes and not click.confirm("Repair it?"):
        say("Nothing was changed.")
        return
    done = carry_out(plan)
    for folder in done.set_aside:
        say(f"set aside     {folder}")
    for outcome in done.outcomes:
        counts = f"{outcome.read:,} rows read, {outcome.loaded:,} loaded, {outcome.quarantined:,} quarantined"
        say(f"made again    {outcome.table}: {counts}")
    say(f"{table} is repaired. Run `lakehouse run`, which takes it further and checks it.")


def _list_damaged() -> None:
    from lakehouse.config.settings import settings
    from lakehouse.storage.damage import doubtful_tables

    damaged = doubtful_tables(settings().lake)
    for table, problem in damaged.items():
        say(f"{table}: {problem}\n  lakehouse repair {table}")
    if damaged:
        raise click.exceptions.Exit(1)
    say("No table is damaged.")


def _table(text: str) -> TableRef:
    from lakehouse.tables import TableRef

    try:
        return TableRef.parse(text)
    except ValueError as error:
        raise click.UsageError(f"{text!r} is no table of the lake, such as silver.contacts ({error})") from None


def _show(plan: Plan) -> None:
    say(f"table         {plan.table}")
    say(f"damage        {plan.damage or 'none that can be seen'}")
    say(f"made from     {plan.made_from}")
    say(f"cost          {plan.cost}")
    also = [str(table) for table in plan.set_aside if table != plan.table]
    if also:
        say(f"with it       {', '.join(also)}, damaged too")
    for loss in plan.lost:
        say(f"lost          {loss}")
    if not plan.lost:
        say("lost          nothing")
    if plan.blocked:
        say(f"not now       {plan.blocked}")
