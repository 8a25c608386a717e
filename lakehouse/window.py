"""The batch window: the one value that stages pass on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakehouse.errors import ConfigurationError, FutureAsOfError

# An as-of moment may be so far ahead: clocks differ, and a send of tomorrow may be looked at today.
_AHEAD = timedelta(days=1)
# A run whose as-of moment is further from now looks at another time.
_ABOUT_NOW = timedelta(days=1)


@dataclass(frozen=True)
class BatchWindow:
    """The interval a run works on, half-open [start, end) in UTC.

    Attributes:
        run_id: id of the run.
        as_of: time that recency and rolling windows look back from; by default the end of the window.
        is_full: every stage rebuilds its table from its inputs instead of adding what changed.
        is_backfill: sources with a watermark read the rows of the interval again, whatever their watermark is now.
        is_exact: somebody asked for this as-of moment; otherwise it is when the run began.
    """

    start: datetime
    end: datetime
    run_id: str
    as_of: datetime
    is_full: bool = False
    is_backfill: bool = False
    is_exact: bool = False

    def __post_init__(self) -> None:
        for name in ("start", "end", "as_of"):
            if getattr(self, name).tzinfo is None:
                raise ValueError(f"BatchWindow.{name} must have a time zone")
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
        """A window from times in any time zone, converted to UTC. FutureAsOfError as `require_not_far_ahead` says."""
        if as_of is not None:
            require_not_far_ahead(as_of)
        end = end.astimezone(UTC)
        at, is_exact = (as_of or end).astimezone(UTC), as_of is not None
        return cls(start.astimezone(UTC), end, run_id, at, is_full, is_backfill, is_exact)

    def takes(self, built_for: datetime, now: datetime) -> bool:
        """Whether gold that looks back from `built_for` is what this run wants: its own moment, to the second.

        A run about now that nobody asked for a moment also takes what another run has built since: it is fresher.
        """
        if int(built_for.timestamp()) == int(self.as_of.timestamp()):
            return True
        is_free = not self.is_exact and not self.is_backfill and is_about_now(self.as_of, now)
        return is_free and self.as_of < built_for <= now


def is_about_now(as_of: datetime, now: datetime) -> bool:
    """Whether a run looks back from about now."""
    return abs(now - as_of) <= _ABOUT_NOW


def as_of_moment(entered: str | None) -> datetime | None:
    """The as-of moment that somebody entered, in UTC unless it says otherwise; None when it was left out.

    Raises ConfigurationError for what is no time.
    """
    if not entered:
        return None
    try:
        found = datetime.fromisoformat(entered)
    except ValueError:
        expected = "a moment, e.g. 2018-01-02T00:00:00Z, or nothing for now"
        raise ConfigurationError("as_of", None, f"{entered!r} is not a valid time", expected) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def require_not_far_ahead(as_of: datetime) -> None:
    """FutureAsOfError for an as-of moment more than a day from now: the versions that a run of then adds to the history
    would stay the current ones until then."""
    if as_of > datetime.now(UTC) + _AHEAD:
        raise FutureAsOfError(as_of.astimezone(UTC))
