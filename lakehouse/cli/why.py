"""`lakehouse why`: what was known about one customer, what was decided and sent, and from which source rows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from lakehouse.cli.output import json_option, print_json, print_table, say
from lakehouse.utils.canonical_json import json_text, plain_text

if TYPE_CHECKING:
    from datetime import datetime

    from lakehouse.activation.why.facts import Answer, SourceRow

_EPILOG = """\b
Examples:
  lakehouse why c019fa2c8e9d2acb0e9f9 champions_thank_you
  lakehouse why ada@example.com champions_thank_you --email
  lakehouse why c019fa2c8e9d2acb0e9f9 champions_thank_you --json | jq -r .verdict
"""


@click.command(epilog=_EPILOG)
@click.argument("customer", metavar="CUSTOMER")
@click.argument("campaign_id", metavar="CAMPAIGN")
@click.option("--email", "by_address", is_flag=True, help="CUSTOMER is an address instead of a customer_id.")
@click.option("--export", "export_id", metavar="EXPORT", help="This export; default: the newest.")
@click.option("--platform", metavar="ACCOUNT", help="Exports to this account only.")
@json_option
def why(
    customer: str, campaign_id: str, by_address: bool, export_id: str | None, platform: str | None, as_json: bool
) -> None:
    """Show why a customer got a campaign, or did not.

    By time travel: segment, control group, consent, delivery, the payload that was sent, the profile behind it, and the
    source rows behind that, as they were at the export. Needs no engine. It prints personal data, and keeps nothing.
    """
    from lakehouse.activation.why.ask import why as answer_why
    from lakehouse.activation.why.people import customer_by_address
    from lakehouse.config.settings import settings

    lake = settings().lake
    customer_id = customer_by_address(customer, lake) if by_address else customer
    answer = answer_why(customer_id, campaign_id, lake, settings().outbox, export_id, platform)
    if as_json:
        proved = {"is_proved": answer.payload.is_proved}
        content = dataclasses.asdict(answer)
        print_json(content | {"payload": content["payload"] | proved})
    else:
        _print(answer)


def _print(answer: Answer) -> None:
    export = answer.export
    say(f"Customer {answer.customer_id}, campaign {answer.campaign_id}")
    say(f"Export {export.export_id} to {export.platform}, {export.started_at:%Y-%m-%d %H:%M:%S} UTC, {export.status}")
    say(f"\n{answer.said}\n")
    print_table(("what", "how it was"), _decided(answer))
    say(f"\nPayload, {answer.payload.remark}:")
    say(f"  {answer.payload.text or '-'}")
    if answer.profile is not None:
        say(f"\nProfile: gold.dim_customers, version {answer.profile_version}")
        print_table(("column", "value"), [(name, plain_text(value)) for name, value in answer.profile.items()])
    if answer.sources:
        say("\nSource rows; * is the reason")
        names = ("", "table", "version", "says", "source", "file", "row", "loaded at")
        print_table(names, [_row(one) for one in answer.sources])
        for one in answer.sources:
            if one.received is not None:
                say(f"\n{one.file}, row {one.row_number}, as it was delivered:\n  {json_text(one.received)}")
    for table in answer.unreadable:
        say(f"\nNot told: {table} cannot be read any more; its files or its log are gone.")
    say(f"\nThe export's files: {export.files}")


def _decided(answer: Answer) -> list[tuple[str, str]]:
    """What was decided, step by step, as lines of a table."""
    segment, draw, refusal = answer.segment, answer.draw, answer.refusal
    member = {True: "member", False: "no member", None: "not known any more"}[segment.is_member]
    today = "" if segment.is_same_today else "; it is declared otherwise today"
    rows = [
        (f"segment {segment.segment}", ", ".join(filter(None, [member, segment.detail]))),
        ("its definition", f"{segment.condition or 'a dbt model'} (SHA-256 {segment.definition_sha256[:12]}{today})"),
    ]
    if draw is not None:
        group = "held out" if draw.is_held_out else "not held out"
        rows.append((f"control group {draw.family}", f"{group}, drawn at {_time(draw.drawn_at)}"))
    if segment.is_member and not (draw and draw.is_held_out):
        rows.append(("consent firewall", f"stopped: {refusal.meaning}" if refusal else "let pass"))
    return rows + _deliveries(answer)


def _deliveries(answer: Answer) -> list[tuple[str, str]]:
    platform, last, delivery = answer.export.platform, answer.last_sent, answer.delivery
    rows = []
    if last is not None:
        rows.append((f"{platform} had before", f"{last.action} by export {last.export_id}, {_time(last.at)}"))
    if delivery is not None:
        reference = f", its reference {delivery.reference}" if delivery.reference else ""
        rows.append(("delivery", f"{delivery.action}, {_time(delivery.at)}{reference}"))
        if delivery.action in ("added", "changed", "removed") and platform != "outbox":
            rows.append((f"usable at {platform}", _time(answer.ready_at)))
    return rows


def _row(one: SourceRow) -> tuple[Any, ...]:
    loaded = _time(one.loaded_at) if one.loaded_at else None
    reason = "*" if one.is_decisive else ""
    return (reason, one.table, one.version, one.says, one.source, one.file, one.row_number, loaded)


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "not on record"
