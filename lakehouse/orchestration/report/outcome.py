"""How an export or a whole run ended, in sentences: what was sent, or that nothing was and why, with the remedy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lakehouse.activation.export import REMOVALS_ONLY
from lakehouse.activation.records.proofs import Proof, rejected_by_reason

Verdict = Literal["good", "warn", "bad"]
_KIND_OF_ERROR = re.compile(r"^[A-Z]\w+: ")
_MOST = 3  # reasons or failures that are named


@dataclass(frozen=True)
class Failure:
    """A part of a run that failed, and its error as text, which ends with the remedy."""

    place: str
    error: str

    def __str__(self) -> str:
        return f"{self.place}: {without_kind(self.error)}" if self.error else f"{self.place} failed, see its log"


@dataclass(frozen=True)
class Outcome:
    """`lines`: first what happened, then why and what to do."""

    verdict: Verdict
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def without_kind(text: str) -> str:
    """An error without the name of its type."""
    return _KIND_OF_ERROR.sub("", text)


def outcome_of_export(export: Proof) -> Outcome:
    """How one export ended."""
    counts, notes = export.counts, [without_kind(note) for note in export.notes]
    where = f"of campaign {export.campaign_id} to {export.platform}"
    if export.status == "refused":
        return Outcome("bad", (f"Nothing was sent {where}: the export was refused.{_removed(export)}", *notes))
    if export.status != "success":
        planned = counts["added"] + counts["changed"] + counts["removed"]
        done = f"Only {counts['exported']:,} of {planned:,} were sent" if counts["exported"] else "Nothing was sent"
        again = "Run it again: who was acknowledged is not sent again."
        return Outcome("bad", (f"{done} {where}: the export {_ended(export.status)}.", *notes, again))
    if REMOVALS_ONLY in notes:
        return Outcome("warn", (f"Nothing was sent {where}, because the export was blocked.{_removed(export)}", *notes))
    if counts["rejected"]:
        return Outcome("warn", (*_sent_in_part(export, where), *notes))
    if not counts["exported"]:
        return Outcome("warn" if notes or not counts["audience"] else "good", (*_nothing_new(export, where), *notes))
    what = ", ".join(f"{counts[name]:,} {word}" for name, word in _PARTS.items() if counts[name])
    return Outcome("warn" if notes else "good", (f"Sent: {_people(counts['exported'])} {where} ({what}).", *notes))


def outcome_of_run(
    campaign_id: str,
    exports: Sequence[Proof],
    failures: Sequence[Failure],
    is_dry_run: bool = False,
    dropped: Sequence[str] = (),
) -> Outcome:
    """How a run for one campaign ended.

    Args:
        campaign_id: the campaign.
        exports: the newest export of the run to each destination; empty when it made none.
        failures: what failed in it, first things first.
        is_dry_run: whether it was asked to send nothing.
        dropped: why the campaign was dropped; empty when it was not.
    """
    named = [str(failure) for failure in failures]
    if len(named) > _MOST:
        named = [*named[:_MOST], f"{len(named) - _MOST} more failed, see the red tasks"]
    if is_dry_run and not exports:
        how = "ended early, because something failed" if failures else "is done: what would be sent is in the preview"
        first = f"Nothing was sent of campaign {campaign_id}: this was a dry run. It {how}."
        return Outcome("bad" if failures else "good", (first, *named))
    if all(REMOVALS_ONLY in [without_kind(note) for note in export.notes] for export in exports):
        removed = _removed(*exports)
        if dropped and not failures:
            first = (
                f"Nothing was sent of campaign {campaign_id}: it was dropped, as it declares for stale data.{removed}"
            )
            return Outcome("warn", (first, *dropped, "Repair the source and run again."))
        why = "something failed before it" if failures else "the export did not run"
        first = f"Nothing was sent of campaign {campaign_id}, because {why}.{removed}"
        return Outcome("bad", (first, *(named or ["See which task was skipped or stopped, and its log."])))
    found = [outcome_of_export(export) for export in exports]
    lines = tuple(line for outcome in found for line in outcome.lines)
    told = " ".join(lines)
    others = [line for failure, line in zip(failures, named, strict=False) if without_kind(failure.error) not in told]
    worst = max((outcome.verdict for outcome in found), key=_WORSE.index)
    return Outcome("bad" if failures else worst, (*lines, *others))


_WORSE: tuple[Verdict, ...] = ("good", "warn", "bad")
_PARTS = {"added": "new", "changed": "changed", "removed": "removed", "rejected": "rejected"}


def _sent_in_part(export: Proof, where: str) -> tuple[str, ...]:
    counts, reasons = export.counts, rejected_by_reason(export.receipt)
    first = f"Sent in part: {_people(counts['exported'])} {where}; it rejected {counts['rejected']:,}."
    if not counts["exported"]:
        first = f"Nothing was accepted {where}: it rejected all {counts['rejected']:,}."
    shown = "; ".join(f"{reason} ({count:,})" for reason, count in reasons[:_MOST])
    return (first, *([f"Its reasons: {shown}."] if shown else []), "They are tried again with the next export.")


def _nothing_new(export: Proof, where: str) -> tuple[str, ...]:
    counts = export.counts
    if not counts["audience"]:
        return (f"Nothing was sent {where}: the audience is empty.", "Check the segment of the campaign.")
    if not counts["unchanged"]:
        held, stopped = counts["holdout"], counts["suppressed"]
        nobody = f"of {counts['audience']:,} in the audience {held:,} are held out and {stopped:,} suppressed"
        return (f"Nothing was sent {where}: {nobody}.", "The reasons are in the receipt.")
    there = f"{export.platform} has {_people(counts['unchanged'])} as they are now"
    return (f"Nothing was sent {where}, because nothing changed: {there}.",)


def _removed(*exports: Proof) -> str:
    gone = sum(export.counts["removed"] for export in exports)
    return f" Who must not be written to was removed all the same: {_people(gone)}." if gone else ""


def _people(count: int) -> str:
    return "1 customer" if count == 1 else f"{count:,} customers"


def _ended(status: str) -> str:
    return "failed" if status == "failed" else f"ended as {status}"
