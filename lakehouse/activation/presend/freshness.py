"""Which inputs of a campaign are older than it allows, and what follows from those that could not be read in time.

How old an input is, is known from ops.runs: it is as fresh as its last successful read. What was read since the run was
asked for is always fresh, so that a task that is tried again does not read it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.presend.freshness_rules import FreshnessRule, rule_of
from lakehouse.config.duration import duration_text
from lakehouse.config.feeds import Feed
from lakehouse.contracts import Stage
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.tables import ops, silver

RUNS = ops("runs")
# How each stage ended last on a table, and when it last began and succeeded.
_LAST = """
    select
        stage,
        table_name,
        max_by(status, started_at) <> 'failed' as is_well,
        max(started_at) filter (status <> 'failed') as succeeded_at
    from ops.runs
    where stage in ('extract', 'bronze', 'silver', 'gate')
    group by stage, table_name
"""
# (stage, table) -> whether it ended well last, and when it last began and succeeded.
_Last = dict[tuple[str, str], tuple[bool, datetime]]


@dataclass(frozen=True)
class Input:
    """One dataset of one source, as a campaign looks at it.

    Attributes:
        rule: what the campaign allows.
        read_at: when the last read that succeeded began; None when there was none.
        is_loaded: whether silver has everything that was read, and its gate is open.
    """

    source: str
    dataset: str
    rule: FreshnessRule
    read_at: datetime | None
    is_loaded: bool

    def is_stale(self, asked_at: datetime) -> bool:
        """Whether it is older than a run that was asked for at that moment allows."""
        return self.read_at is None or self.read_at < asked_at - self.rule.at_most

    def told(self, asked_at: datetime) -> str:
        """How old it is and how old it may be, in words."""
        if self.read_at is None:
            age = "was never read"
        elif self.read_at >= asked_at:
            age = "was read in this run"
        else:
            age = f"was read {_age(asked_at - self.read_at)} before this run"
        limit = (
            f"{duration_text(self.rule.at_most)} is allowed" if self.rule.at_most else "it has to be read in every run"
        )
        return f"{self.dataset} of source {self.source} {age}; {limit}"


def inputs(chosen: Campaign, limits: Mapping[str, timedelta], feeds: Iterable[Feed], lake: str) -> tuple[Input, ...]:
    """The inputs of a campaign as they are now; `limits` are those that a run was asked for."""
    last = _last(lake)
    return tuple(
        Input(
            feed.source,
            feed.dataset,
            rule_of(feed.source, feed.dataset, chosen.freshness, limits),
            last.get((Stage.EXTRACT, str(feed.bronze)), (False, None))[1],
            _is_loaded(feed, last),
        )
        for feed in feeds
    )


def _is_loaded(feed: Feed, last: _Last) -> bool:
    """Whether every stage after the last read has succeeded since, and none failed later."""
    table = str(silver(feed.dataset))
    read = last.get((Stage.EXTRACT, str(feed.bronze)))
    after = [last.get(of) for of in ((Stage.BRONZE, str(feed.bronze)), (Stage.SILVER, table), (Stage.GATE, table))]
    return read is not None and all(found is not None and found[0] and found[1] >= read[1] for found in after)


def _last(lake: str) -> _Last:
    with open_snapshot([], lake, optional=[RUNS]) as snapshot:
        rows = snapshot.connection.execute(_LAST).fetchall() if RUNS in snapshot.versions else []
    return {(stage, table): (is_well, at.astimezone(UTC)) for stage, table, is_well, at in rows if at is not None}


def _age(length: timedelta) -> str:
    """`45 seconds`, `12 minutes`, `5 hours`, `3 days`: rounded down."""
    seconds = int(length.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}s"
    return f"{seconds} seconds"
