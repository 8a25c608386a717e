"""How much of what sources delivered last was rejected: rows in quarantine, and files that were set aside.

Of a source the newest run counts in which it delivered something. So a finding stays until the rows are repaired and
replayed, or dismissed, or a better delivery comes. Read from the ops tables and quarantine, without an engine.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from lakehouse.config.feeds import feeds
from lakehouse.config.settings import settings
from lakehouse.landing.files import source_file
from lakehouse.landing.ledger import LANDED, SET_ASIDE
from lakehouse.quality.dismissals import DISMISSALS
from lakehouse.storage.table import Table
from lakehouse.tables import ops, quarantine
from lakehouse.utils.sql_text import literal

_FEW = 2  # one or two rejected rows of a tiny delivery are an accident, and block nothing
_NAMED = 3  # deliveries named in one finding


@dataclass(frozen=True)
class Rejected:
    """Part of what a source delivered in a run: `count_rejected` of `count_delivered` rows, or files set aside."""

    where: str
    count_rejected: int
    count_delivered: int
    is_few: bool = False

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.count_rejected / self.count_delivered if self.count_delivered else 0.0

    def __str__(self) -> str:
        return f"{self.where}: {self.count_rejected:,} of {self.count_delivered:,} rejected ({self.share:.0%})"


@dataclass(frozen=True)
class Rejections:
    """What is above LAKEHOUSE_REJECTED_WARN_SHARE, and of that what is above LAKEHOUSE_REJECTED_BLOCK_SHARE."""

    warning: tuple[Rejected, ...] = ()
    blocking: tuple[Rejected, ...] = ()

    @property
    def parameters(self) -> dict[str, str]:
        """What the rules of a gate name."""
        values = {}
        for severity, found in (("warning", self.warning), ("blocking", self.blocking)):
            values[f"count_rejected_{severity}"] = str(max((one.count_rejected for one in found), default=0))
            values[f"count_delivered_{severity}"] = str(max((one.count_delivered for one in found), default=0))
            values[f"rejected_{severity}"] = literal("; ".join(map(str, found[:_NAMED])) or None)
        return values

    @property
    def version(self) -> int:
        """Another number when the findings are others: a gate that passed before then looks again."""
        return int.from_bytes(hashlib.sha256(repr(self).encode()).digest()[:6], "big")


def rejections_of(dataset: str, lake: str) -> Rejections:
    """What was rejected of the newest deliveries of a dataset's sources. Raises ConfigurationError for a wrong
    sources.yml."""
    declared = [feed.source for feed in feeds(dataset)]
    delivered = _newest_deliveries(dataset, declared, lake)
    if not delivered:
        return Rejections()
    landed = [row for files in delivered.values() for row in files if row["outcome"] == LANDED]
    rejected = _count_rejected(dataset, [_label(row) for row in landed], lake)
    found = [one for source in declared for one in _parts(source, delivered.get(source, []), rejected)]
    chosen = settings()
    warning = [one for one in found if one.share > chosen.rejected_warn_share]
    blocking = [one for one in found if one.share > chosen.rejected_block_share and not one.is_few]
    return Rejections(tuple(warning), tuple(blocking))


def _newest_deliveries(dataset: str, sources: list[str], lake: str) -> dict[str, list[dict[str, Any]]]:
    """Source -> files that landed, or were set aside, in the newest run in which there was one."""
    columns = ["run_id", "source", "file_name", "content_sha256", "outcome", "rows", "recorded_at"]
    files = Table(ops("files"), lake).rows(columns, [("dataset", "=", dataset), ("outcome", "in", [LANDED, SET_ASIDE])])
    if files is None:
        return {}
    newest: dict[str, list[dict[str, Any]]] = {}
    for source in sources:
        own = files.filter(pc.equal(files["source"], source))
        if own.num_rows:
            run_id = own["run_id"][pc.index(own["recorded_at"], pc.max(own["recorded_at"])).as_py()]
            newest[source] = own.filter(pc.equal(own["run_id"], run_id)).to_pylist()
    return newest


def _count_rejected(dataset: str, labels: list[str], lake: str) -> Counter[str]:
    """Rows in quarantine by `_source_file`, of those files, without rows that were dismissed."""
    if not labels:
        return Counter()
    rows = Table(quarantine(dataset), lake).rows(["_source_file", "_row_number"], [("_source_file", "in", labels)])
    if rows is None or not rows.num_rows:
        return Counter()
    counts = Counter({one["values"]: one["counts"] for one in rows["_source_file"].value_counts().to_pylist()})
    ours = [("dataset", "=", dataset), ("source_file", "in", labels)]
    dismissed = Table(DISMISSALS, lake).rows(["source_file", "row_number"], ours)
    if dismissed is not None and dismissed.num_rows:
        keys = ["_source_file", "_row_number"]
        gone = dismissed.rename_columns(keys).join(rows, keys, join_type="left semi")
        counts.subtract(Counter(gone["_source_file"].to_pylist()))
    return counts


def _label(row: dict[str, Any]) -> str:
    return source_file(row["file_name"], row["content_sha256"])


def _parts(source: str, files: list[dict[str, Any]], rejected: Counter[str]) -> Iterator[Rejected]:
    """A source's newest run in all, each of its files by rows, and its files by number."""
    landed = [(row["file_name"], rejected[_label(row)], row["rows"]) for row in files if row["outcome"] == LANDED]
    by_file = [Rejected(f"{name} of {source}", bad, rows, is_few=bad <= _FEW) for name, bad, rows in landed]
    if len(landed) > 1:
        bad = sum(one.count_rejected for one in by_file)
        yield Rejected(f"all rows of {source}", bad, sum(one.count_delivered for one in by_file), is_few=bad <= _FEW)
    yield from sorted(by_file, key=lambda one: -one.share)
    yield Rejected(f"new files of {source} (set aside, see ops.files)", len(files) - len(landed), len(files))
