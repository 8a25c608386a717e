"""The answer to why: one customer, one campaign, one export."""

from __future__ import annotations

from pathlib import Path

from lakehouse.activation.consent.firewall import normal_address
from lakehouse.activation.ready import ready_at
from lakehouse.activation.records.destination_state import EXPORT_ATTEMPTS, EXPORT_RECORDS, HOLDOUTS
from lakehouse.activation.records.proofs import Proof
from lakehouse.activation.why.decision import decision
from lakehouse.activation.why.deliveries import Deliveries
from lakehouse.activation.why.exports_of import choose, exports_of, is_removals_only
from lakehouse.activation.why.facts import Answer, ExportFacts
from lakehouse.activation.why.past_lake import PROGRESS, past_lake
from lakehouse.activation.why.payload_again import payload_again
from lakehouse.activation.why.people import unknown_customer
from lakehouse.activation.why.refusal import PROFILES
from lakehouse.activation.why.source_rows import source_rows
from lakehouse.activation.why.verdicts import stopped_since_plan, verdict
from lakehouse.errors import TerminalError
from lakehouse.storage.duckdb_views import open_snapshot

_READ = (EXPORT_RECORDS, EXPORT_ATTEMPTS, HOLDOUTS, PROGRESS)


def why(
    customer_id: str,
    campaign_id: str,
    lake: str,
    outbox: Path,
    export_id: str | None = None,
    platform: str | None = None,
) -> Answer:
    """What an export of a campaign knew and decided about a customer, and what it sent.

    Args:
        customer_id: the customer.
        campaign_id: the campaign.
        lake: root of the lake.
        outbox: folder of the exports' files.
        export_id: the export; None for the newest that asked about the customer.
        platform: account; None for any.

    Raises:
        UnknownExportError: there is no such campaign, or no such export of it.
        UnknownCustomerError: nothing is known about the customer.
        TerminalError: the export's manifest is gone.
    """
    exports = exports_of(campaign_id, platform, lake, outbox)
    with open_snapshot([], lake, optional=_READ) as now:
        deliveries = Deliveries(customer_id, campaign_id, now)
        export = choose(exports, export_id, deliveries.exports)
        manifest = export.manifest
        if not manifest:
            raise TerminalError(
                f"the manifest of export {export.export_id} is gone, so nobody can tell what it knew",
                f"It was {export.manifest_file}; ask about another export with --export.",
            )
        past = past_lake(export, now, lake)
        decided = decision(customer_id, manifest, past, now)
        delivery = deliveries.of_export(export.export_id)
        if not (deliveries.exports or decided.profile or decided.segment.is_member or past.unreadable):
            raise unknown_customer(customer_id, campaign_id, lake)
        last_sent = deliveries.last_before(export.export_id, export.platform, export.started_at)
        compared = delivery if delivery and delivery.payload_hash else last_sent
        payload = payload_again(customer_id, manifest, past, compared)
        address = normal_address(decided.profile["email"]) if decided.profile else None
        facts = _facts(export)
        since_plan = stopped_since_plan(manifest, export.receipt)
        rejection = deliveries.rejection_before(export.export_id, export.platform)
        word, said = verdict(facts, decided, delivery, last_sent, rejection, payload, since_plan)
        return Answer(
            customer_id=customer_id,
            campaign_id=campaign_id,
            export=facts,
            verdict=word,
            said=said,
            segment=decided.segment,
            draw=decided.draw,
            refusal=decided.refusal,
            delivery=delivery,
            last_sent=last_sent,
            ready_at=ready_at(export.manifest_file.parent),
            payload=payload,
            profile=decided.profile,
            profile_version=past.versions.get(PROFILES),
            sources=source_rows(customer_id, address, decided.refusal, past),
            unreadable=[f"{table} version {version}" for table, version in sorted(past.unreadable.items())],
        )


def _facts(export: Proof) -> ExportFacts:
    is_ended = bool(export.receipt)
    return ExportFacts(
        export_id=export.export_id,
        platform=export.platform,
        status=export.status,
        started_at=export.started_at,
        finished_at=export.finished_at if is_ended else None,
        files=str(export.manifest_file.parent),
        is_removals_only=is_removals_only(export),
    )
