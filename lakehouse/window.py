"""The one value stages hand on: which interval a run is about, as of when it looks, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class BatchWindow:
    """Half-open interval [start, end) in UTC, with the id of the run that works on it.

    `as_of` is the moment that recency and rolling windows look back from; by default the end of the window.
    `is_full` asks every stage to rebuild its table from its inputs instead of adding what changed. `is_backfill` asks
    sources whose rows carry a time to read those of the interval again, wherever they have got to meanwhile.
    """

    start: datetime
    end: datetime
    run_id: str
    as_of: datetime
    is_full: bool = False
    is_backfill: bool = False

    def __post_init__(self) -> None:
        for name in ("start", "end", "as_of"):
            if getattr(self, name).tzinfo is None:
                raise ValueError(f"BatchWindow.{name} must carry a time zone")
        if self.end < self.start:
            raise ValueError(f"window ends ({self.end}) before it starts ({self.start})")

    @classmethod
    def of(
        cls,
        start: datetime,
        end: datetime,
        run_id: str,
        as_of: datetime | None = None,
        is_full: bool = False,
        is_backfill: bool = False,
    ) -> BatchWindow:
        """Build a window from any time zones; everything inside is UTC."""
        end = end.astimezone(UTC)
        return cls(start.astimezone(UTC), end, run_id, (as_of or end).astimezone(UTC), is_full, is_backfill)
