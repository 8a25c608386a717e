"""How many columns a feed may bring: each becomes a column of its bronze table for good, which every later run pays
for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from lakehouse.config.feeds import Feed
from lakehouse.config.settings import settings
from lakehouse.contracts import BRONZE_LINEAGE
from lakehouse.storage.table import Table

_REMEDY = "if they are meant to be there, raise `limits.{}` of the dataset in sources.yml"


class ColumnBudget:
    """The columns that deliveries of a feed had so far, and what a new one may add; for one run."""

    def __init__(self, feed: Feed) -> None:
        self._feed, self._limits = feed, feed.declaration.limits
        self._admitted: set[str] = set()

    def refusal(self, columns: Iterable[str]) -> str | None:
        """Why a delivery with these landed columns is too much; None for one that is not, whose columns are known from
        then on."""
        names = {name.lower() for name in columns}
        if len(names) > self._limits.columns:
            return f"it has {len(names)} columns, {self._limits.columns} are allowed; {_REMEDY.format('columns')}"
        if names <= self._admitted:
            return None
        new = names - self._in_bronze
        if self._in_bronze and len(new) > self._limits.new_columns:
            found = f"it has {len(new)} columns that {self._feed.bronze} lacks, {self._limits.new_columns} are allowed"
            return f"{found}; {_REMEDY.format('new_columns')}"
        together = len(self._in_bronze | self._admitted | new)
        if new and together > self._limits.columns:
            found = f"with it {self._feed.bronze} would have {together} columns, {self._limits.columns} are allowed"
            return f"{found}; {_REMEDY.format('columns')}"
        self._admitted |= names
        return None

    @cached_property
    def _in_bronze(self) -> frozenset[str]:
        lineage = {column.name for column in BRONZE_LINEAGE}
        columns = Table(self._feed.bronze, settings().lake).columns
        return frozenset(name.lower() for name in columns if name not in lineage)
