"""`lakehouse plan`: what the export of a campaign would do now, how long it takes, and who has to approve it."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from lakehouse.cli.output import json_option, print_json, print_table, say

_EPILOG = """\b
Examples:
  lakehouse plan lapsing_high_value_offer
  lakehouse plan champions_thank_you --json | jq '.[].rows_at_risk'
"""


@click.command(epilog=_EPILOG)
@click.argument("campaign_id", metavar="CAMPAIGN")
@json_option
def plan(campaign_id: str, as_json: bool) -> None:
    """Show the plan of a campaign's next export: rows, calls, bytes, and when a send would find them. Sends nothing."""
    from lakehouse.activation.campaigns.declared import campaign
    from lakehouse.activation.planning.stage import make_send_plan
    from lakehouse.window import BatchWindow

    now = datetime.now(UTC)
    targets = [f"{campaign_id}@{destination}" for destination in campaign(campaign_id).destinations]
    plans = [make_send_plan(target, BatchWindow.of(now, now, ""))[0] for target in targets]
    if as_json:
        print_json([made.model_dump(mode="json") for made in plans])
        return
    for made in plans:
        say(f"{made.title}, export {made.export_id}\n")
        print_table(("", "plan"), made.table)
        for warning in made.warnings:
            say(f"\n{warning}")
        if made.fired:
            say(f"\nTo approve it: lakehouse exports approve {made.export_id} --reason TEXT")
