"""Consent, right before a batch leaves: who was suppressed since the plan was made is not sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.activation.consent.firewall import ConsentCheck
from lakehouse.activation.planning.operations import as_removals, is_removal
from lakehouse.activation.send_progress import SendProgress


def without_suppressed(operations: pa.Table, consent: ConsentCheck, progress: SendProgress) -> pa.Table:
    """The operations without upserts of customers who were suppressed since the plan was made.

    They are removed instead if they are, or may be, at the destination.
    """
    upserts = operations.filter(pc.invert(is_removal(operations)))
    reasons = _reasons(upserts, consent)
    if not reasons:
        return operations
    is_stopped = pc.is_in(operations["customer_id"], pa.array(list(reasons), pa.string()))
    is_stopped = pc.and_(is_stopped, pc.invert(is_removal(operations)))
    stopped = operations.filter(is_stopped)
    is_there = pc.or_(pc.equal(stopped["action"], "changed"), stopped["is_uncertain"])
    to_remove = stopped.filter(is_there)
    added = pc.sum(pc.equal(stopped["action"], "added")).as_py()
    progress.suppressed_since.update(reasons.values())
    counts = progress.counts
    progress.counts = replace(
        counts,
        suppressed=counts.suppressed + stopped.num_rows,
        added=counts.added - added,
        changed=counts.changed - (stopped.num_rows - added),
        removed=counts.removed + to_remove.num_rows,
    )
    kept = operations.filter(pc.invert(is_stopped))
    removals, others = kept.filter(is_removal(kept)), kept.filter(pc.invert(is_removal(kept)))
    return pa.concat_tables([removals, as_removals(to_remove), others])


def _reasons(upserts: pa.Table, consent: ConsentCheck) -> Mapping[str, str]:
    people = upserts.select(["customer_id", "email"]).rename_columns(["customer_id", "address"])
    return consent.reasons_of(people.append_column("is_mailable", pa.repeat(True, people.num_rows)))
