"""Watermarks: how far a table or endpoint was read, and which of its last rows were landed already."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from lakehouse.config.feeds import Feed
from lakehouse.config.source_fields import WatermarkedDataset
from lakehouse.errors import ContractError
from lakehouse.formats.values import NumberText
from lakehouse.window import BatchWindow

_ANY_ZONE = timedelta(days=1)  # a time without a zone may be of any: so much more is read on both sides
_TIME_TEXT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?")
_PRUNE_ABOVE = 200_000  # rows remembered before the ones behind the lookback are forgotten


class Overlap:
    """The newest rows of a feed: their highest watermark, and digests of those that the next load will read again.

    The next load starts at (highest watermark - lookback), the boundary included, so that rows committed late are seen;
    rows it has in common with this one are recognised by their digests.
    """

    def __init__(self, feed: Feed) -> None:
        assert isinstance(feed.declaration, WatermarkedDataset)
        self._feed, self._declared = feed, feed.declaration
        self.highest: Any = None
        self.count_missing = 0
        self._rows: list[tuple[Any, bytes]] = []
        self._limit = _PRUNE_ABOVE

    def add(self, watermark: Any, digest: bytes) -> None:
        """Take a row into account; ContractError when its watermark cannot be compared with the others."""
        if watermark is None:
            self.count_missing += 1
            return
        try:
            if self.highest is None or watermark > self.highest:
                self.highest = watermark
        except TypeError as error:
            problem = (
                f"watermark {self._declared.watermark} of source {self._feed.source} holds values of different kinds"
            )
            raise ContractError(self._feed.dataset, problem, "Choose a column with one type, or load: full.") from error
        self._rows.append((watermark, digest))
        if len(self._rows) > self._limit:
            self._prune()
            self._limit = max(_PRUNE_ABOVE, 2 * len(self._rows))

    def digests(self) -> list[bytes]:
        """Digests of the rows at and above the start of the next load."""
        self._prune()
        return [digest for _, digest in self._rows]

    def _prune(self) -> None:
        start = behind(self.highest, self._feed)
        self._rows = [(watermark, digest) for watermark, digest in self._rows if watermark >= start]


def behind(highest: Any, feed: Feed) -> Any:
    """Where the next load starts: the highest watermark minus the lookback; ContractError when the two do not fit."""
    assert isinstance(feed.declaration, WatermarkedDataset)
    lookback = feed.declaration.lookback
    if highest is None or lookback is None:
        return highest
    try:
        return _earlier(highest, lookback) if isinstance(highest, str) else highest - lookback
    except (TypeError, ValueError) as error:
        kind = "text" if isinstance(highest, str) else type(highest).__name__
        watermark = f"the watermark {feed.declaration.watermark} of source {feed.source}, a {kind}"
        problem = f"lookback {lookback} does not fit {watermark}"
        remedy = (
            "Use a duration (2 days) for times, also as texts like 2018-01-02T10:00:00Z, and a whole number for"
            " numbers; leave it out for other texts."
        )
        raise ContractError(feed.dataset, problem, remedy) from error


def _earlier(text: str, lookback: Any) -> str:
    """An ISO timestamp `lookback` earlier and written as it was, for texts are compared as texts; ValueError for other
    texts."""
    if not _TIME_TEXT.fullmatch(text):
        raise ValueError("the text is not an ISO timestamp")
    seconds, rest = datetime.fromisoformat(text[:19]), text[19:]
    return (seconds - lookback).isoformat(text[10]) + rest


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
    """A watermark for the ledger: its kind and its text."""
    return {
        "kind": type(watermark).__name__,
        "text": watermark.isoformat() if isinstance(watermark, date) else str(watermark),
    }


def from_state(state: dict[str, str]) -> Any:
    """The watermark that `to_state` wrote."""
    parsers: dict[str, Callable[[str], Any]] = {
        "datetime": datetime.fromisoformat,
        "date": date.fromisoformat,
        "int": int,
        "Decimal": Decimal,
        "float": float,
        "str": str,
    }
    return parsers[state["kind"]](state["text"])
