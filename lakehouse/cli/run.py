"""`lakehouse run`: the main job, with the same DAGs that the scheduler runs."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from lakehouse.cli.output import json_option, print_json

_EPILOG = """\b
Examples:
  lakehouse run
  lakehouse run --campaign coupon_lovers_new_year --as-of 2018-01-02T00:00:00Z
  lakehouse run --full
  lakehouse run --json > summary.json
"""


class Time(click.ParamType[datetime]):
    """A time in ISO 8601; UTC if it has no time zone."""

    name = "time"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the moment; a usage error when the text is not ISO 8601."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time in ISO 8601, e.g. 2018-01-02T00:00:00Z", param, ctx)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


@click.command(epilog=_EPILOG)
@click.option("--campaign", "campaign_id", help="Campaign to export, from campaigns.yml; default: the first one.")
@click.option("--as-of", type=Time(), help="Time that recency and rolling windows look back from; default: now.")
@click.option("--full", is_flag=True, help="Rebuild every table from its inputs instead of adding what changed.")
@json_option
def run(campaign_id: str | None, as_of: datetime | None, full: bool, as_json: bool) -> None:
    """Load the sources, build and check the customer profiles, and export the audience of a campaign.

    Prints a summary; the exit code is 0 only if everything succeeded. After a failure run it again: finished work is
    not repeated.
    """
    from lakehouse.utils.process_tuning import collect_rarely

    collect_rarely()  # before the imports below, which bring Airflow

    from rich.console import Console

    from lakehouse.activation.campaigns.declared import first_campaign_id
    from lakehouse.orchestration.local_run import run as run_all
    from lakehouse.orchestration.report.console import progress_on, render

    chosen = campaign_id or first_campaign_id()
    summary = run_all(chosen, as_of, full, progress_on(Console(stderr=as_json)))
    if as_json:
        print_json(summary.to_json())
    else:
        render(summary, Console())
    summary.raise_if_failed()
