"""`lakehouse presend`: the run of the DAG `pre_send_refresh` for one campaign, in this process."""

from __future__ import annotations

from datetime import datetime

import click

from lakehouse.cli.output import json_option, print_json
from lakehouse.cli.run import Time

_EPILOG = """\b
Examples:
  lakehouse presend lapsing_high_value_offer --as-of 2018-01-02T00:00:00Z --dry-run
  lakehouse presend champions_thank_you --send-at "2018-01-05 08:00 America/New_York" --destination outbox
  lakehouse presend champions_thank_you --fresh crm_store=6h --reason "the CRM was late"
"""


@click.command(epilog=_EPILOG)
@click.argument("campaign_id", metavar="CAMPAIGN")
@click.option("--send-at", help="Local time and time zone of the send; default: as campaigns.yml says.")
@click.option("--destination", "destinations", multiple=True, help="One of the campaign's destinations; default: all.")
@click.option("--fresh", "limits", multiple=True, metavar="SOURCE=AGE", help="How old the data of a source may be.")
@click.option("--dry-run", is_flag=True, help="Refresh, plan and preview; send nothing.")
@click.option("--reason", default="", help="Why this run is needed; kept in ops.send_requests.")
@click.option("--as-of", type=Time(), help="Time that recency and rolling windows look back from; default: now.")
@json_option
def presend(
    campaign_id: str,
    send_at: str | None,
    destinations: tuple[str, ...],
    limits: tuple[str, ...],
    dry_run: bool,
    reason: str,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """Refresh what is older than a campaign allows, check it, show the plan, and send what changed.

    Prints what was sent, or why nothing was. The exit code is 0 only if everything succeeded. After a failure run it
    again: nothing is sent twice.
    """
    from lakehouse.utils.process_tuning import collect_rarely

    collect_rarely()  # before the imports below, which bring Airflow

    from rich.console import Console

    from lakehouse.orchestration.local_run import run as run_all
    from lakehouse.orchestration.report.console import progress_on, render_send

    asked = {
        "send_at": send_at,
        "destinations": list(destinations),
        "freshness": list(limits),
        "dry_run": dry_run,
        "reason": reason,
    }
    summary = run_all(campaign_id, as_of, False, progress_on(Console(stderr=as_json)), asked)
    if as_json:
        print_json(summary.to_json())
    else:
        render_send(summary, Console())
    summary.raise_if_failed()
