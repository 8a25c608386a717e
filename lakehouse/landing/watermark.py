"""Watermarks: how far a table or endpoint was read, and which of its last rows were landed already."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from lakehouse.config.feeds import Feed
from lakehouse.config.source_fields import WatermarkedDataset
from lakehouse.errors import ContractError
from lakehouse.formats.values import NumberText
from lakehouse.window import BatchWindow

_ANY_ZONE = timedelta(days=1)  # a time without a zone may be of any: so much more is read on both sides
_CLOCKS_DIFFER = timedelta(minutes=5)  # times so little ahead of this clock are no reason for a warning
_SECOND = timedelta(seconds=1)
_TIME_TEXT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?)?")
_PRUNE_ABOVE = 200_000  # rows remembered before the ones behind the lookback are forgotten


class Overlap:
    """The newest rows of a feed: their highest watermark, and digests of those that the next load will read again.

    The next load starts at (highest watermark - lookback), the boundary included, so that rows committed late are seen;
    rows it has in common with this one are recognised by their digests. What lies beyond `now` does not move the
    watermark: one row of 2099 would hide everything that changes until then. Nor do watermarks of another kind than
    those of the load before (`previous`), or than most (PostgreSQL's `infinity` among times).
    """

    def __init__(self, feed: Feed, now: datetime, previous: Any = None) -> None:
        assert isinstance(feed.declaration, WatermarkedDataset)
        self._feed, self._declared, self._now, self._previous = feed, feed.declaration, now, previous
        self.count_missing = self.count_beyond = 0
        self._highest: dict[str, tuple[Any, Any]] = {}  # kind -> order, watermark
        self._counts: Counter[str] = Counter()
        self._rows: list[tuple[Any, Any, bytes]] = []  # kind, order, digest
        self._limit = _PRUNE_ABOVE

    def add(self, watermark: Any, digest: bytes) -> None:
        """Take a row into account."""
        if watermark is None:
            self.count_missing += 1
            self._rows.append((None, None, digest))
            return
        kind, order, moment = self._place(watermark)
        if moment is not None and moment > self._now:
            self.count_beyond += moment > self._now + _CLOCKS_DIFFER
        elif kind not in self._highest or order > self._highest[kind][0]:
            self._highest[kind] = (order, watermark)
        self._counts[kind] += 1
        self._rows.append((kind, order, digest))
        if len(self._rows) > self._limit:
            self._prune()
            self._limit = max(_PRUNE_ABOVE, 2 * len(self._rows))

    @property
    def highest(self) -> Any:
        """The highest watermark of the kind that counts, not beyond now; that of the load before when there is none."""
        return self._highest.get(self._kind, (None, self._previous))[1]

    @property
    def count_of_other_kinds(self) -> int:
        """Rows whose watermark cannot be compared with the others."""
        return sum(self._counts.values()) - self._counts[self._kind]

    def warnings(self) -> Iterator[str]:
        """What a person should know of watermarks that are missing, still to come, or of another kind."""
        name = self._declared.watermark
        if self.count_missing:
            yield f"{self.count_missing} rows without {name}: changes of such rows are not noticed"
        if self.count_beyond:
            yield (
                f"{name} lies in the future in {self.count_beyond} rows; they were read, and the next load goes on"
                " before them: correct them in the source, or `timezone` in sources.yml"
            )
        if self.count_of_other_kinds:
            yield (
                f"{name} does not compare with the others in {self.count_of_other_kinds} rows; they were read, but"
                " whether the next load sees their changes is not certain: correct them in the source"
            )

    def digests(self) -> list[bytes]:
        """Digests of the rows at and above the start of the next load, and of those that have no place in the order."""
        self._prune()
        return [digest for _, _, digest in self._rows]

    @property
    def _kind(self) -> str:
        if self._previous is not None:
            return self._place(self._previous)[0]
        return max(self._counts, key=self._counts.__getitem__, default="")

    def _prune(self) -> None:
        start = behind(self.highest, self._feed)
        if start is not None:
            kind, first, _ = self._place(start)
            self._rows = [row for row in self._rows if row[0] != kind or row[1] >= first]

    def _place(self, watermark: Any) -> tuple[str, Any, datetime | None]:
        """The kind of a watermark, a value by which those of its kind compare (texts as texts, as a database does),
        and its instant."""
        moment = moment_of(watermark, self._feed.timezone)
        if isinstance(watermark, datetime):
            return "time", moment, moment
        if isinstance(watermark, (int, float, Decimal)):
            return "number", watermark, None
        return f"{type(watermark).__name__} {moment is not None}", watermark, moment


def moment_of(watermark: Any, timezone: str) -> datetime | None:
    """The instant that a watermark says, without an offset in `timezone`; None for numbers and other texts."""
    if isinstance(watermark, str) and _TIME_TEXT.fullmatch(watermark):
        try:
            watermark = datetime.fromisoformat(watermark)
        except ValueError:  # the 31st of February
            return None
    if not isinstance(watermark, date):
        return None
    moment = watermark if isinstance(watermark, datetime) else datetime.combine(watermark, time.min)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))


def behind(highest: Any, feed: Feed) -> Any:
    """Where the next load starts: the second of the highest watermark minus the lookback, so that a row that was
    changed again within that second is seen; ContractError when the two do not fit.

    An API may exclude the time that it is asked for: without a lookback it is asked for a second more.
    """
    assert isinstance(feed.declaration, WatermarkedDataset)
    lookback = feed.declaration.lookback
    if lookback is None:
        if highest is None or (isinstance(highest, str) and not _TIME_TEXT.fullmatch(highest)):
            return highest
        lookback = _SECOND if isinstance(highest, datetime) and feed.kind == "rest" else timedelta(0)
        if not isinstance(highest, (str, date)):
            return highest
    if highest is None:
        return None
    try:
        return _earlier(highest, lookback)
    except (TypeError, ValueError):
        kind = "text" if isinstance(highest, str) else type(highest).__name__
        watermark = f"the watermark {feed.declaration.watermark} of source {feed.source}, a {kind}"
        problem = f"lookback {lookback} does not fit {watermark}"
        remedy = (
            "Use a duration (2 days) for times, also as texts like 2018-01-02T10:00:00Z, and a whole number for"
            " numbers; leave it out for other texts."
        )
        raise ContractError(feed.dataset, problem, remedy) from None


def _earlier(highest: Any, lookback: Any) -> Any:
    """A watermark `lookback` earlier; of a time its second. A text is cut there, for it sorts before all that goes on.

    TypeError or ValueError when the two do not fit.
    """
    if isinstance(highest, str):
        if not _TIME_TEXT.fullmatch(highest):
            raise ValueError("the text is not an ISO timestamp")
        earlier = datetime.fromisoformat(highest[:19]) - lookback
        return earlier.date().isoformat() if len(highest) == 10 else earlier.isoformat(highest[10])
    if isinstance(highest, datetime):
        return highest.replace(microsecond=0) - lookback
    if isinstance(highest, date):
        return (datetime.combine(highest, time.min) - lookback).date()
    return highest - lookback


def interval(window: BatchWindow, kind: type, has_zone: bool) -> tuple[Any, Any] | None:
    """[start, end) of a window as watermarks of a kind (datetime or date); None for kinds that know no time.

    Where the zone is not known the interval is a day longer on both sides: what is read once too often is dropped
    later.
    """
    if not issubclass(kind, date):
        return None
    if issubclass(kind, datetime) and has_zone:
        return window.start, window.end
    start, end = (
        (moment + more).replace(tzinfo=None) for moment, more in ((window.start, -_ANY_ZONE), (window.end, _ANY_ZONE))
    )
    return (start, end) if issubclass(kind, datetime) else (start.date(), end.date())


def is_within(watermark: Any, window: BatchWindow) -> bool:
    """Whether a record may belong to a window: all do whose watermark is no time."""
    bounds = interval(window, type(watermark), getattr(watermark, "tzinfo", None) is not None)
    return bounds is None or bool(bounds[0] <= watermark < bounds[1])


def watermark_of(value: Any) -> Any:
    """A value of a JSON record as something with an order: a time, a number, or the text itself."""
    if isinstance(value, NumberText):
        return Decimal(value)
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return value
        return found.astimezone(UTC) if found.tzinfo else found
    return value


def to_state(watermark: Any) -> dict[str, str]:
    """A watermark for the ledger: its kind and its text; nothing for None."""
    if watermark is None:
        return {}
    return {
        "kind": type(watermark).__name__,
        "text": watermark.isoformat() if isinstance(watermark, date) else str(watermark),
    }


def from_state(state: dict[str, str]) -> Any:
    """The watermark that `to_state` wrote; None for the one of a load that had none."""
    if not state:
        return None
    parsers: dict[str, Callable[[str], Any]] = {
        "datetime": datetime.fromisoformat,
        "date": date.fromisoformat,
        "int": int,
        "Decimal": Decimal,
        "float": float,
        "str": str,
    }
    return parsers[state["kind"]](state["text"])
