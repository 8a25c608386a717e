"""`lakehouse exports list|show|rejects`: what was sent, and whom platforms refused."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from typing import Any

import click

from lakehouse.cli.output import json_option, print_json, print_table, say

_EPILOG = """\b
Examples:
  lakehouse exports list
  lakehouse exports show champions_thank_you-00001-0d9c6bd9a0f8
  lakehouse exports rejects --campaign champions_thank_you
"""
_LIST = """\b
Examples:
  lakehouse exports list
  lakehouse exports list --campaign champions_thank_you --json | jq '.[0].counts'
"""
_SHOW = """\b
Examples:
  lakehouse exports show champions_thank_you-00001-0d9c6bd9a0f8
"""
_REJECTS = """\b
Examples:
  lakehouse exports rejects
  lakehouse exports rejects --campaign champions_thank_you --json | jq -r '.[].customer_id'
"""
_campaign_option = click.option("--campaign", "campaign_id", metavar="CAMPAIGN", help="Of this campaign only.")


@click.group(epilog=_EPILOG)
def exports() -> None:
    """Exports: what was sent to the outbox and to e-mail platforms. Needs no engine."""


@exports.command("list", epilog=_LIST)
@_campaign_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, newest first.")
@json_option
def list_exports(campaign_id: str | None, limit: int, as_json: bool) -> None:
    """List exports, newest first."""
    from lakehouse.activation.exports_report import listed_exports
    from lakehouse.config.settings import settings

    found = listed_exports(settings().lake, campaign_id, limit)
    if as_json:
        print_json([dataclasses.asdict(export) for export in found])
    elif not found:
        say("Nothing was exported yet.")
    else:
        counts = ("exported", "removed", "unchanged", "suppressed", "rejected")
        rows = [
            (f"{one.finished_at:%Y-%m-%d %H:%M}", one.export_id, one.platform, one.status, *map(one.counts.get, counts))
            for one in found
        ]
        print_table(("ended (UTC)", "export", "platform", "status", *counts), rows)


@exports.command(epilog=_SHOW)
@click.argument("export_id", metavar="EXPORT")
@json_option
def show(export_id: str, as_json: bool) -> None:
    """Show one export with its proof: counts, pinned versions, reasons, where its files are."""
    from lakehouse.activation.exports_report import export_report
    from lakehouse.config.settings import settings

    found = export_report(settings().lake, export_id)
    manifest_path = settings().outbox / found.manifest_path
    manifest = _read(manifest_path)
    receipt = _read(manifest_path.with_name("receipt.json"))
    if as_json:
        print_json(dataclasses.asdict(found) | {"manifest": manifest, "receipt": receipt})
        return
    say(f"{found.export_id}: {found.status}, {found.started_at:%Y-%m-%d %H:%M:%S} to {found.finished_at:%H:%M:%S} UTC")
    say(f"campaign {found.campaign_id}, to {found.platform}\n")
    print_table(("customers", "count"), list(found.counts.items()))
    for name in ("warnings", "notes"):
        for text in receipt.get(name, ()):
            say(f"\n{text}")
    refused = Counter(
        str(why) for batch in receipt.get("batches", ()) for why in (batch.get("rejected") or {}).values()
    )
    if refused:
        say("")
        print_table(("reason of a rejection", "customers"), refused.most_common())
    say(f"\nIts files: {manifest_path.parent}")


@exports.command(epilog=_REJECTS)
@_campaign_option
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="How many.")
@json_option
def rejects(campaign_id: str | None, limit: int, as_json: bool) -> None:
    """List customers whom a platform refused when it was asked last. The next export tries them again."""
    from lakehouse.activation import exports_report
    from lakehouse.config.settings import settings

    found = exports_report.rejects(settings().lake, campaign_id, limit)
    if as_json:
        print_json([dataclasses.asdict(reject) for reject in found])
    elif not found:
        say("Nobody is rejected.")
    else:
        rows = [(one.campaign_id, one.platform, one.customer_id, one.reason) for one in found]
        print_table(("campaign", "platform", "customer_id", "reason"), rows)


def _read(path: Any) -> Any:
    """A JSON file of the outbox; empty when it was removed."""
    return json.loads(path.read_bytes()) if path.exists() else {}
