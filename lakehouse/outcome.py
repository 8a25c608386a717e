"""What a stage reports about one table: row counts, which must balance (read = loaded + quarantined + duplicates)."""

from __future__ import annotations

from dataclasses import dataclass, field

from lakehouse.errors import BalanceError
from lakehouse.tables import TableRef


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
    """

    table: TableRef
    read: int = 0
    loaded: int = 0
    quarantined: int = 0
    duplicates: int = 0
    warnings: tuple[str, ...] = field(default=())
    skipped: bool = False

    def __post_init__(self) -> None:
        if self.read != self.loaded + self.quarantined + self.duplicates:
            raise BalanceError(str(self.table), self.read, self.loaded, self.quarantined, self.duplicates)
