"""`lakehouse preview`: who would get a campaign now, and which mail, as a page. Sends nothing."""

from __future__ import annotations

import click

from lakehouse.cli.output import json_option, print_json, say

_EPILOG = """\b
Examples:
  lakehouse preview lapsing_high_value_offer
  lakehouse preview champions_thank_you --count 20
"""


@click.command(epilog=_EPILOG)
@click.argument("campaign_id", metavar="CAMPAIGN")
@click.option("--count", type=click.IntRange(1, 100), help="How many recipients to show; default: 8.")
@json_option
def preview(campaign_id: str, count: int | None, as_json: bool) -> None:
    """Render the mails of some recipients of a campaign, with who gets them and why, and print where the page is.

    The page holds personal data and is readable by you only. It is made from the profiles as they are now, and nothing
    is sent.
    """
    from lakehouse.activation.preview.make import make_preview

    page, shown = make_preview(campaign_id, count)
    if as_json:
        print_json({"campaign_id": campaign_id, "page": str(page), "count_recipients": shown})
    else:
        say(f"{shown} recipients of {campaign_id}: {page}")
