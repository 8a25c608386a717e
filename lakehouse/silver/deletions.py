"""What the newest snapshot of a source deletes: counted, told, and refused when it is too much to be meant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lakehouse.config.settings import settings
from lakehouse.errors import ContractError
from lakehouse.storage.accepted_losses import is_loss_accepted
from lakehouse.tables import TableRef


@dataclass(frozen=True)
class Deletion:
    """`count_gone` rows of silver that a snapshot lacks, of `count_before` that the source had until then."""

    source: str
    count_gone: int
    count_before: int

    @property
    def share(self) -> float:
        """Share of the source's rows that are gone, 0 to 1."""
        return self.count_gone / max(self.count_before, self.count_gone, 1)

    def __str__(self) -> str:
        return (
            f"the newest snapshot of source {self.source} deleted {self.count_gone:,} of {self.count_before:,} rows"
            f" ({self.share:.1%})"
        )


def refuse_incomplete(deletion: Deletion, arrived_at: datetime, table: TableRef, lake: str) -> None:
    """ContractError when the snapshot that arrived at `arrived_at` lacks more than
    LAKEHOUSE_SNAPSHOT_DELETED_BLOCK_SHARE, and nobody has accepted that since."""
    limit = settings().snapshot_deleted_block_share
    if deletion.share <= limit or is_loss_accepted(table, arrived_at, lake):
        return
    raise ContractError(
        table.name,
        f"the newest snapshot of source {deletion.source} lacks {deletion.count_gone} of {deletion.count_before} known"
        f" rows ({deletion.share:.1%}, at most {limit:.0%} may be gone), so it is taken for incomplete",
        "Nothing was deleted. Deliver a complete snapshot. If the rows are really gone, run"
        f" `lakehouse gate accept {table} --reason ...` and then again.",
    )


def told(deletion: Deletion | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Warnings and notes about a deletion: a warning above LAKEHOUSE_SNAPSHOT_DELETED_WARN_SHARE."""
    if deletion is None or not deletion.count_gone:
        return (), ()
    said = (str(deletion),)
    return (said, ()) if deletion.share > settings().snapshot_deleted_warn_share else ((), said)
