"""What became of a customer in an export, as one word and one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.activation.consent.suppression_reasons import meaning_of
from lakehouse.activation.why.decision import Decision
from lakehouse.activation.why.facts import Delivery, ExportFacts, Payload


def verdict(
    export: ExportFacts,
    decided: Decision,
    delivery: Delivery | None,
    last_sent: Delivery | None,
    rejection: Delivery | None,
    payload: Payload,
    since_plan: Mapping[str, int],
) -> tuple[str, str]:
    """The verdict, and the same as a sentence.

    What is on record of the delivery comes first; only where there is nothing, what was decided says why.

    Args:
        export: the export.
        decided: what it decided.
        delivery: what is on record of the customer.
        last_sent: what the destination had acknowledged before.
        rejection: what the destination had refused for good before.
        payload: what would have been sent.
        since_plan: reason -> number of customers who were suppressed between the plan and their batch.
    """
    if delivery is not None:
        return _delivered(export, decided, delivery)
    if export.is_removals_only:
        return "not_asked", "Not asked about: the export was blocked, and only removed who must not be written to."
    if (stopped := _stopped(decided)) is not None:
        word, why = stopped
        return word, f"Not written to: {why}."
    if rejection is not None and payload.sha256 == rejection.payload_hash:
        refused = f"{export.platform} refused the same payload for good in export {rejection.export_id}"
        return "dead_letter", f"Not sent again: {refused}: {rejection.reason or 'no reason is on record'}."
    if last_sent is not None and payload.sha256 == last_sent.payload_hash:
        return "unchanged", f"Not sent again: {export.platform} has the same payload from export {last_sent.export_id}."
    if decided.segment.is_member is None or payload.sha256 is None:
        return "unreadable", "Nothing is on record of a delivery, and the tables of that time cannot be read any more."
    if export.status == "success" and since_plan:
        reasons = ", or ".join(meaning_of(reason) for reason in sorted(since_plan))
        return "suppressed", f"Not written to: suppressed after the plan was made, right before the batch: {reasons}."
    return "not_reached", f"Not sent: the export ({export.status}) ended before it came to this customer."


def _delivered(export: ExportFacts, decided: Decision, delivery: Delivery) -> tuple[str, str]:
    when = f" at {delivery.at:%Y-%m-%d %H:%M:%S} UTC" if delivery.at else ""
    if delivery.action == "removed":
        stopped = _stopped(decided)
        why = f": {stopped[1]}" if stopped else ""
        return "removed", f"Removed from {export.platform}{when}{why}."
    if delivery.action == "rejected":
        again = {
            None: "the next export tries again",
            True: "it is not sent again until the payload changes",
            False: "the next export tries again",
        }[delivery.is_permanent]
        return "rejected", f"Rejected by {export.platform}: {delivery.reason or 'no reason is on record'}; {again}."
    if delivery.action == "attempted":
        return "unknown", f"Perhaps sent: a delivery was begun{when}, and nothing on record says what became of it."
    kind = "new to it" if delivery.action == "added" else "changed"
    return "sent", f"Sent: {export.platform} accepted the customer ({kind}){when}."


def _stopped(decided: Decision) -> tuple[str, str] | None:
    """What speaks against a delivery, as a word and in words."""
    if decided.segment.is_member is False:
        return "not_in_segment", f"not in segment {decided.segment.segment}"
    if decided.draw is not None and decided.draw.is_held_out:
        drawn = f"{decided.draw.drawn_at:%Y-%m-%d}"
        return "held_out", f"held out, in the control group of {decided.draw.family} since {drawn}"
    if decided.refusal is None:
        return None
    refused = decided.refusal
    if refused.said_at is not None:
        return "suppressed", f"{refused.said} since {refused.said_at:%Y-%m-%d %H:%M:%S} UTC ({refused.reason})"
    return "suppressed", refused.meaning + (f": {refused.said}" if refused.said else "")


def stopped_since_plan(manifest: Mapping[str, Any], receipt: Mapping[str, Any]) -> dict[str, int]:
    """Reason -> customers whom the firewall stopped after the plan was made."""
    planned = manifest.get("suppressed_by_reason", {})
    found = {name: count - planned.get(name, 0) for name, count in receipt.get("suppressed_by_reason", {}).items()}
    return {name: count for name, count in found.items() if count > 0}
