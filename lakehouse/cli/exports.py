"""`lakehouse exports list|show|rejects|retry|replay`: what was sent, whom platforms refused, and trying them again."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from lakehouse.cli.output import json_option, print_json, print_table, say
from lakehouse.errors import LakehouseError, TerminalError, combined_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakehouse.activation.records.proofs import Proof
    from lakehouse.outcome import TableOutcome

_EPILOG = """\b
Examples:
  lakehouse exports list
  lakehouse exports show champions_thank_you-00001-0d9c6bd9a0f8
  lakehouse exports rejects --campaign champions_thank_you
  lakehouse exports retry champions_thank_you
  lakehouse exports replay champions_thank_you --all --reason "the platform has raised its limit"
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
_APPROVE = """\b
Examples:
  lakehouse exports approve champions_thank_you-00002-0d9c6bd9a0f8 --reason "the new fields are meant"
  lakehouse exports approve champions_thank_you-00002-0d9c6bd9a0f8 --reject --reason "wrong segment"
"""
_REJECTS = """\b
Examples:
  lakehouse exports rejects
  lakehouse exports rejects --campaign champions_thank_you --json | jq -r '.[].customer_id'
"""
_RETRY = """\b
Examples:
  lakehouse exports retry champions_thank_you
"""
_REPLAY = """\b
Examples:
  lakehouse exports replay champions_thank_you --all --reason "the platform has raised its limit"
  lakehouse exports replay champions_thank_you --customer 5f0c2a7e --reason "the address was corrected there"
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
    from lakehouse.activation.records.proofs import proofs
    from lakehouse.config.settings import settings

    wanted = {} if campaign_id is None else {"campaign_id": campaign_id}
    found = proofs(settings().lake, settings().outbox, limit, **wanted)
    if as_json:
        print_json([_facts(export) for export in found])
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
    from lakehouse.activation.records.proofs import proofs, rejected_by_reason
    from lakehouse.config.settings import settings

    found = next(iter(proofs(settings().lake, settings().outbox, 1, export_id=export_id)), None)
    if found is None:
        raise UnknownExportError(export_id)
    if as_json:
        print_json(_facts(found) | {"manifest": found.manifest, "receipt": found.receipt})
        return
    say(f"{found.export_id}: {found.status}, {found.started_at:%Y-%m-%d %H:%M:%S} to {found.finished_at:%H:%M:%S} UTC")
    say(f"campaign {found.campaign_id}, to {found.platform}\n")
    print_table(("customers", "count"), list(found.counts.items()))
    for note in found.notes:
        say(f"\n{note}")
    if refused := rejected_by_reason(found.receipt):
        say("")
        print_table(("reason of a rejection", "customers"), refused)
    say(f"\nIts files: {found.manifest_file.parent}")


@exports.command(epilog=_APPROVE)
@click.argument("export_id", metavar="EXPORT")
@click.option("--reason", required=True, help="Why; goes on record.")
@click.option("--reject", "is_rejected", is_flag=True, help="Reject it instead.")
def approve(export_id: str, reason: str, is_rejected: bool) -> None:
    """Approve an export that guards ask about. Nothing is sent yet: run it again then."""
    from lakehouse.activation.records.approvals import decide, planned_export
    from lakehouse.config.settings import settings
    from lakehouse.utils.no_access import this_user

    plan = planned_export(settings().outbox, export_id)
    for one in plan.fired:
        say(one.sentence)
    if not plan.fired:
        say("No guard asks about it: it needs no approval.")
        return
    say(f"{export_id} {decide(plan, not is_rejected, this_user(), reason, settings().lake)}")


@exports.command(epilog=_REJECTS)
@_campaign_option
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="How many.")
@json_option
def rejects(campaign_id: str | None, limit: int, as_json: bool) -> None:
    """List customers whom a platform refused when it was asked last.

    A dead letter is not sent again until the customer's payload changes, or until it is replayed. All others are tried
    again by the next export.
    """
    from lakehouse.activation.records.rejects import rejects as rejects_of
    from lakehouse.config.settings import settings

    found = rejects_of(settings().lake, campaign_id, limit)
    if as_json:
        print_json([dataclasses.asdict(reject) | {"is_dead": reject.is_dead} for reject in found])
    elif not found:
        say("Nobody is rejected.")
    else:
        rows = [
            (one.campaign_id, one.platform, one.customer_id, "yes" if one.is_dead else "no", one.reason)
            for one in found
        ]
        print_table(("campaign", "platform", "customer_id", "dead letter", "reason"), rows)


@exports.command(epilog=_RETRY)
@click.argument("campaign_id", metavar="CAMPAIGN")
@json_option
def retry(campaign_id: str, as_json: bool) -> None:
    """Export a campaign once more, from gold as it is: whom a platform may take now, and what a failure left.

    Goes to all platforms of the campaign, or to one: CAMPAIGN@PLATFORM. Nobody who was acknowledged is sent again. Dead
    letters stay; `lakehouse exports replay` is for them. A platform that fails does not keep the others from theirs.
    """
    from lakehouse.activation.campaigns.declared import campaign
    from lakehouse.config.settings import settings
    from lakehouse.contracts import Stage
    from lakehouse.orchestration.stages import run_stage
    from lakehouse.storage.gold_builds import built_window
    from lakehouse.utils.work_record import recorded_work

    found = campaign(campaign_id)  # a wrong name fails here: in the stage, it would be recorded as a table's failure
    targets = [campaign_id] if "@" in campaign_id else [f"{found.id}@{name}" for name in found.destinations]
    window = built_window("retry", settings().lake)
    done: dict[str, TableOutcome] = {}
    errors: list[LakehouseError] = []
    with recorded_work(settings().work, f"`lakehouse exports retry {campaign_id}`"):
        for target in targets:
            try:
                (done[target],) = run_stage(Stage.EXPORT, target, window)
            except LakehouseError as error:
                errors.append(error)
    if as_json:
        print_json({target: dataclasses.asdict(one) | {"table": str(one.table)} for target, one in done.items()})
    else:
        _say_sent(done)
    if errors:
        raise combined_error(f"platforms of campaign {found.id}", errors)


@exports.command(epilog=_REPLAY)
@click.argument("campaign_id", metavar="CAMPAIGN")
@click.option("--customer", "customers", multiple=True, metavar="ID", help="This customer; may be repeated.")
@click.option("--all", "is_all", is_flag=True, help="All dead letters of the campaign.")
@click.option("--reason", required=True, help="Why they may be taken now; kept in ops.export_replays.")
@json_option
def replay(campaign_id: str, customers: tuple[str, ...], is_all: bool, reason: str, as_json: bool) -> None:
    """Let the next export of a campaign try dead letters again. Sends nothing itself; running it twice is once."""
    from lakehouse.activation.records.rejects import replay as replay_rejects
    from lakehouse.config.settings import settings

    if is_all == bool(customers):
        raise click.UsageError("say whom to replay: --customer ID, or --all")
    count = replay_rejects(settings().lake, campaign_id, None if is_all else customers, reason)
    if as_json:
        print_json({"campaign_id": campaign_id, "replayed": count})
    else:
        say(f"{count:,} dead letters of {campaign_id} are sent again by its next export")


def _say_sent(done: Mapping[str, TableOutcome]) -> None:
    for target, one in done.items():
        say(f"{target}: {one.loaded:,} sent, {one.duplicates:,} unchanged, {one.quarantined:,} not sent")
        for warning in one.warnings:
            say(warning)


def _facts(proof: Proof) -> dict[str, Any]:
    return dataclasses.asdict(proof) | {"manifest_file": str(proof.manifest_file)}


class UnknownExportError(TerminalError):
    """There is no export with that id."""

    def __init__(self, export_id: str) -> None:
        super().__init__(f"there is no export {export_id!r}", "`lakehouse exports list` shows the ids.")
