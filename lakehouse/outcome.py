"""What a stage reports about one table, and the law it must obey: read = loaded + quarantined + duplicates."""

from __future__ import annotations

from dataclasses import dataclass, field

from lakehouse.errors import BalanceError
from lakehouse.tables import TableRef


@dataclass(frozen=True)
class TableOutcome:
    """Row counts of one table in one stage.

    `loaded` counts rows that are in the table because of this stage (inserted or brought up to date), `duplicates` rows
    that were there already, came twice, or are older than what is there. `skipped` marks a stage that found no work.
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
