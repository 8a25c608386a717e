"""Profiles from gold into the profile store: what changed since the last sync, or all of it beside what readers see.

A sync can be killed anywhere and run again: what it began is noted in the store before its first write, and the next
one compares with that as well. Fields have the time of the sync as their epoch, so what it writes counts over whatever
syncs before it wrote.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import msgspec

from lakehouse.config.settings import Settings, settings
from lakehouse.errors import TransientError
from lakehouse.outcome import TableOutcome
from lakehouse.profiles.declared import ServedProfile, served_profile
from lakehouse.profiles.fields import Field, Version, merged, microseconds
from lakehouse.profiles.gold_rows import (
    REFUSALS,
    TABLES,
    LostVersionError,
    Row,
    all_rows,
    changed_rows,
    versions_of,
)
from lakehouse.profiles.loads import GONE, LOAD_KEY, PROFILE, Load, Versions, field_name
from lakehouse.profiles.store import ProfileStore
from lakehouse.profiles.stores import stores_to_sync
from lakehouse.storage.duckdb_views import Snapshot, limited_memory, open_snapshot
from lakehouse.storage.gold_builds import gold_at_rest, whole_build
from lakehouse.tables import ops
from lakehouse.utils.file_lock import held_lock
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)
# So long an erased customer is answered as erased; the id alone is kept for it.
_GONE_KEPT = timedelta(days=90)
_SPILL = "tmp/profiles"
SERVED = ops("served_profiles")  # as ops.runs calls what is written; it is no table of the lake


class SyncRunningError(TransientError):
    """Another sync of this home is at work."""

    def __init__(self) -> None:
        super().__init__("another sync of profiles is at work", "Wait for it; then run this one again.")


@dataclass(frozen=True)
class Synced:
    """What a sync did.

    Attributes:
        is_full: everything was loaded, beside what readers saw meanwhile.
        written: profiles and aliases that were written.
        removed: profiles and aliases that were removed.
    """

    is_full: bool
    written: int = 0
    removed: int = 0


def run_sync(_: str, window: BatchWindow) -> list[TableOutcome]:
    """The stage `profiles`. Raises what `sync_profiles` raises."""
    chosen = settings()
    done = sync_profiles(chosen, lambda: stores_to_sync(chosen), window.is_full)
    notes = (f"{done.removed} removed",) if done.removed else ()
    return [TableOutcome(SERVED, done.written, done.written, notes=notes, skipped=not (done.written or done.removed))]


def sync_profiles(chosen: Settings, open_stores: Callable[[], Sequence[ProfileStore]], is_full: bool = False) -> Synced:
    """Load profiles into the first of the stores, and have all of them forget customers who are gone.

    Args:
        chosen: home, lake and memory limit.
        open_stores: opens the store of profiles, then those that hold signals only.
        is_full: load everything, also what has not changed. So it is done by itself where the store holds no load,
            conf/profiles.yml has changed, or the state that was loaded last cannot be read any more.

    Raises:
        OtherGoldError: gold was never built, or a build of it has not ended.
        StoreUnavailableError: a store does not answer; running it again goes on.
        SyncRunningError: another one is at work.
    """
    served = served_profile()
    with held_lock(chosen.home / "profiles" / "sync.lock", wait_seconds=0) as is_mine:
        if not is_mine:
            raise SyncRunningError
        load = asyncio.run(_load_of(open_stores()))
        with ExitStack() as opened:
            with gold_at_rest(chosen.home, chosen.query_timeout_seconds):  # not for as long as the writes take
                as_of = microseconds(whole_build(chosen.lake))
                snapshot = opened.enter_context(open_snapshot(TABLES, chosen.lake, [REFUSALS]))
            opened.enter_context(limited_memory(snapshot.connection, chosen.export_memory_gb, chosen.home / _SPILL))
            return _Sync(open_stores(), snapshot, served, as_of, load, chosen.lake).run(is_full)


class _Sync:
    """One sync: from a snapshot of the lake, after the load that readers see."""

    def __init__(
        self,
        stores: Sequence[ProfileStore],
        snapshot: Snapshot,
        served: ServedProfile,
        as_of: int,
        load: Load,
        lake: str,
    ) -> None:
        self._stores, self._snapshot, self._served, self._lake = stores, snapshot, served, lake
        self._load, self._versions = load, versions_of(snapshot)
        self._version = Version(max(microseconds(datetime.now(UTC)), load.changed_at + 1), as_of)
        self._written = self._removed = 0

    def run(self, is_full: bool) -> Synced:
        """Write what there is to write."""
        done = self._load.done
        is_full = is_full or done is None or self._load.fingerprint != self._served.fingerprint
        if done is not None and not is_full:
            try:
                self._write_changes(done)
            except LostVersionError as error:
                log.info("what was loaded last cannot be read any more (%s): all is loaded again", error)
                is_full = True
        if is_full:
            self._write_all()
        self._sweep()
        return Synced(is_full, self._written, self._removed)

    def _write_changes(self, done: Versions) -> None:
        if done == self._versions and not self._load.begun:
            return
        begun = self._load.begun
        changes = changed_rows(self._snapshot, self._served, [done, *begun], self._lake)
        first = next(changes, None)
        if first is not None:
            self._note(begun=begun if self._versions in begun else (*begun, self._versions))
            for rows in chain([first], changes):
                self._write(rows)
        self._note(done=self._versions, begun=())

    def _write_all(self) -> None:
        now = self._version.epoch
        beside = Load(now, self._served.fingerprint, changed_at=now, is_swept=False)
        self._load = beside
        for rows in all_rows(self._snapshot, self._served):
            self._write(rows)
        self._note(done=self._versions)  # from now on readers see it

    def _sweep(self) -> None:
        if not self._load.is_swept:
            self._forget(self._stores[0].gone_since(self._load.generation))
            self._stores[0].sweep(self._load.generation)
            self._note(is_swept=True)

    def _write(self, rows: Sequence[Row]) -> None:
        gone = [row for row in rows if row.value is None]
        if gone:
            self._forget([row.key for row in gone if row.name == PROFILE])
            aliases = [row.key for row in gone if row.name != PROFILE]
            self._stores[0].delete(aliases)
            self._removed += len(aliases)
        self._stores[0].write([self._field(row, row.value) for row in rows if row.value is not None])
        self._written += len(rows) - len(gone)

    def _field(self, row: Row, value: str) -> Field:
        name = field_name(row.name, self._load.generation)
        return Field(row.key, name, self._version, msgspec.json.decode(value))

    def _forget(self, customer_ids: Sequence[str]) -> None:
        """Remove everything of customers, also their signals, and note that they are gone."""
        for store in self._stores:
            store.delete(customer_ids)
        expires_at = self._version.epoch + _GONE_KEPT // timedelta(microseconds=1)
        self._stores[0].write([Field(key, GONE, self._version, True, expires_at) for key in customer_ids])
        self._removed += len(customer_ids)

    def _note(self, **values: Any) -> None:
        self._load = self._load.changed(microseconds(datetime.now(UTC)), **values)
        self._stores[0].write([self._load.field()])


async def _load_of(stores: Iterable[ProfileStore]) -> Load:
    """The load that readers see; the stores are closed."""
    first, *_ = stores
    try:
        return Load.of(merged(await first.read([LOAD_KEY])))
    finally:
        await first.close()
