"""What a stage reports about one table: row counts, which must balance (read = loaded + quarantined + duplicates)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lakehouse.errors import BalanceError
from lakehouse.messages import said
from lakehouse.tables import TableRef

# The message in ops.runs of a stage that was skipped.
NOTHING_NEW = "nothing new"


@dataclass(frozen=True)
class TableOutcome:
    """Row counts of one table in one stage. Raises BalanceError if they do not balance.

    Attributes:
        read: rows read.
        loaded: rows inserted or updated.
        quarantined: rows that broke the contract.
        duplicates: rows that were in the table already, came twice, or are older than the row in the table.
        warnings: what a person should look at although the stage succeeded.
        skipped: the stage found nothing to do.
        notes: what it did beyond the counts.
        is_pending: the stage waits for somebody else and has to run again; a run that is pending is not recorded.
    """

    table: TableRef
    read: int = 0
    loaded: int = 0
    quarantined: int = 0
    duplicates: int = 0
    warnings: tuple[str, ...] = field(default=())
    skipped: bool = False
    notes: tuple[str, ...] = field(default=())
    is_pending: bool = False

    def __post_init__(self) -> None:
        if self.read != self.loaded + self.quarantined + self.duplicates:
            raise BalanceError(str(self.table), self.read, self.loaded, self.quarantined, self.duplicates)
        object.__setattr__(self, "warnings", tuple(map(said, self.warnings)))


def summed(table: TableRef, outcomes: Sequence[TableOutcome]) -> TableOutcome:
    """Outcomes of parts of the work on one table as one; skipped when all parts were, pending while one is."""
    fields = ("read", "loaded", "quarantined", "duplicates")
    counts = {name: sum(getattr(outcome, name) for outcome in outcomes) for name in fields}
    warnings = tuple(warning for outcome in outcomes for warning in outcome.warnings)
    notes = tuple(note for outcome in outcomes for note in outcome.notes)
    is_skipped = all(outcome.skipped for outcome in outcomes)
    is_pending = any(outcome.is_pending for outcome in outcomes)
    return TableOutcome(table, **counts, warnings=warnings, skipped=is_skipped, notes=notes, is_pending=is_pending)
