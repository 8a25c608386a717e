"""How many calls an export makes, how long they take at a platform's limits, and what of it is ready in time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.rates import Rate

_SEPARATOR_BYTES = 1
# What is assumed until past exports have shown it.
ROWS_PER_SECOND = 5_000.0
SETTLING_SECONDS = {"at_once": 0.0, "job": 60.0, "eventually": 300.0}


@dataclass(frozen=True)
class Part:
    """Rows of one kind that are to be sent, and their bytes as they stand in bodies of calls."""

    rows: int = 0
    bytes: int = 0

    def share(self, rows: int) -> Part:
        """So many of the rows, all taken to be equally large."""
        return Part(rows, math.ceil(self.bytes * rows / self.rows) if rows else 0)


@dataclass(frozen=True)
class Pace:
    """What past exports have shown.

    Attributes:
        rows_per_second: how fast this installation sends, whatever the platform allows.
        settling_seconds: how long the platform needs after the last call until a send finds the rows.
    """

    rows_per_second: float = ROWS_PER_SECOND
    settling_seconds: float = 0.0


@dataclass(frozen=True)
class Estimate:
    """What an export takes at a destination.

    Attributes:
        calls: number of calls by kind, at least; empty for a destination without calls.
        bytes: of all rows as they are sent.
        seconds: from the first call to the answer to the last one.
        settling_seconds: from then until a send finds the rows.
    """

    calls: Mapping[str, int]
    bytes: int
    seconds: float
    settling_seconds: float


def count_bodies(removals: Part, upserts: Part, batch_size: int, limits: Capabilities) -> int:
    """Number of bodies that the rows fill: a batch is packed by itself, and removals and upserts are never mixed."""
    return sum(_bodies(part, limits) for batch in _batches(removals, upserts, batch_size) for part in batch)


def _batches(removals: Part, upserts: Part, batch_size: int) -> Iterator[tuple[Part, Part]]:
    """The rows of each batch: removals come first, and one batch may have both."""
    total = removals.rows + upserts.rows
    for start in range(0, total, batch_size):
        removed = max(0, min(removals.rows, start + batch_size) - start)
        others = min(batch_size, total - start) - removed
        yield removals.share(removed), upserts.share(others)


def _bodies(part: Part, limits: Capabilities) -> int:
    """Bodies of rows that are sent together, by count and by bytes."""
    if not part.rows:
        return 0
    room = limits.bytes_per_call - limits.overhead_bytes
    fitting = max(1, int((room + _SEPARATOR_BYTES) // (part.bytes / part.rows + _SEPARATOR_BYTES)))
    return math.ceil(part.rows / min(limits.rows_per_call, fitting))


def seconds_at(rates: tuple[Rate, ...], calls: int) -> float:
    """Seconds until the last of so many calls may leave, when each leaves as soon as all rates let it."""
    if not calls:
        return 0.0
    nested, left = 0.0, calls - 1
    for rate in _longest_first(rates):
        nested += rate.seconds * (left // rate.calls)
        left %= rate.calls
    return max([nested, *(rate.seconds * ((calls - 1) // rate.calls) for rate in rates)])


def calls_within(rates: tuple[Rate, ...], seconds: float) -> float:
    """How many calls may leave within that time, the first one at its beginning."""
    if seconds < 0:
        return 0
    nested, left = math.inf, seconds
    stretches = []
    for rate in _longest_first(rates):
        count = math.floor(left / rate.seconds)
        stretches.append((rate.calls, count))
        left -= count * rate.seconds
    for calls, count in reversed(stretches):
        nested = calls * count + min(calls, nested)
    return min([nested, *(rate.calls * (math.floor(seconds / rate.seconds) + 1) for rate in rates)])


def _longest_first(rates: tuple[Rate, ...]) -> list[Rate]:
    return sorted(rates, key=lambda rate: -rate.seconds)


def estimate(removals: Part, upserts: Part, batch_size: int, limits: Capabilities | None, pace: Pace) -> Estimate:
    """What it takes to send the rows; `limits` is None for a destination that is not called."""
    rows = removals.rows + upserts.rows
    size = removals.bytes + upserts.bytes
    if limits is None or not rows:
        return Estimate({}, size, rows / pace.rows_per_second, 0.0)
    bodies = count_bodies(removals, upserts, batch_size, limits)
    calls = {kind: bodies * count for kind, count in limits.calls_per_body.items()}
    slowest = max(seconds_at(limits.rates[kind], count) for kind, count in calls.items())
    return Estimate(calls, size, max(slowest, rows / pace.rows_per_second), pace.settling_seconds)


def rows_ready_within(seconds: float, rows: int, found: Estimate, limits: Capabilities | None, pace: Pace) -> int:
    """How many of the rows a send finds that begins in so many seconds."""
    left = seconds - found.settling_seconds
    if left < 0 or not rows:
        return 0
    shares = [left * pace.rows_per_second / rows]
    if limits is not None:
        shares += [calls_within(limits.rates[kind], left) / count for kind, count in found.calls.items() if count]
    return min(rows, math.floor(rows * min(shares)))
