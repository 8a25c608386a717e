"""How far an export is: counts and batches, for its receipt and its row in ops.exports."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lakehouse.activation.destinations import Batch, BatchReceipt
from lakehouse.activation.planning.plan import Counts
from lakehouse.activation.records.export_records import rejections


@dataclass
class SendProgress:
    """What has been sent so far, including what was sent before the export's process was killed.

    `suppressed_since` counts by reason who was suppressed after the plan was made.
    """

    counts: Counts
    exported: int
    rejected: int
    batches: list[dict[str, object]] = field(default_factory=list)
    suppressed_since: Counter[str] = field(default_factory=Counter)

    def add(self, batch: Batch, receipt: BatchReceipt) -> None:
        """Count the answer to a batch; a customer who is not accepted counts as rejected, with or without a reason.

        After a failure only those count who were answered for.
        """
        rejected, accepted = rejections(batch, receipt), len(receipt.accepted)
        self.exported += accepted
        self.rejected += len(rejected)
        self.batches.append(
            {
                "ordinal": batch.ordinal,
                "reference": " ".join(receipt.references),
                "sha256": receipt.sha256,
                "accepted": accepted,
                "rejected": {customer_id: why.reason for customer_id, why in rejected.items()},
            }
        )
