"""Whether gold is out of date: which silver versions, as-of moment, dbt project or segments differ from those of the
last good build.

Kept in ops.progress: the last build's inputs, one row each, under the stage `gold`, and under `gold.started` those of a
build that began.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from lakehouse.config.settings import settings
from lakehouse.contracts import CONTACT_IDENTIFIERS, DATASETS, MAIL_HOLDS
from lakehouse.errors import DamagedTableError
from lakehouse.gold.dbt_project import project_fingerprint
from lakehouse.gold.segment_models import members_hash
from lakehouse.storage.discovery import newest_version
from lakehouse.storage.ops_tables import record
from lakehouse.storage.progress import AS_OF, GOLD_BUILT, GOLD_STARTED, newest_inputs
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, gold, silver
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)
PROJECT_FINGERPRINT = "dbt_project"
SEGMENTS = "segments"
SILVER_TABLES: tuple[TableRef, ...] = (*(silver(name) for name in DATASETS), silver("identities"))
INPUTS = (*SILVER_TABLES, silver(CONTACT_IDENTIFIERS.dataset), silver(MAIL_HOLDS.dataset))


def gold_inputs(window: BatchWindow) -> dict[str, int]:
    """Everything a build depends on, as numbers: Delta versions (-1 = no such table), the as-of second, the hashes of
    the dbt project and of the segments that the configuration adds to it."""
    lake = settings().lake
    versions = {str(table): -1 if (found := newest_version(table, lake)) is None else found for table in INPUTS}
    hashes = {PROJECT_FINGERPRINT: _number(project_fingerprint()), SEGMENTS: _number(members_hash())}
    return versions | {AS_OF: int(window.as_of.timestamp())} | hashes


def changed_inputs(window: BatchWindow) -> frozenset[str]:
    """The inputs (see gold_inputs) that changed since the last good build; none when a build would change nothing.

    All of them when there was no such build, when one began later and did not finish, and when a full rebuild is asked
    for.
    """
    now, lake = gold_inputs(window), settings().lake
    (built_at, built), (started_at, _) = newest_inputs(GOLD_BUILT, lake), newest_inputs(GOLD_STARTED, lake)
    if window.is_full or built_at < started_at or newest_version(gold("dim_customers"), lake) is None:
        return frozenset(now)
    changed = frozenset(name for name, value in now.items() if built.get(name) != value)
    log.info(
        "gold is up to date"
        if not changed
        else f"gold must be built; changed since the last build: {', '.join(sorted(changed))}"
    )
    return changed


def is_gold_current(window: BatchWindow) -> bool:
    """True when a build would change nothing. A full rebuild that was asked for is never skipped."""
    return not changed_inputs(window)


def are_segments_built(lake: str) -> bool:
    """Whether the last good build was made with the segments as they are declared now."""
    return newest_inputs(GOLD_BUILT, lake)[1].get(SEGMENTS) == _number(members_hash())


def record_gold_started(window: BatchWindow) -> None:
    """Note what a build is about to read; silver may move on while it runs."""
    _record(GOLD_STARTED, window, gold_inputs(window))


def record_gold_built(window: BatchWindow) -> None:
    """Remember that the build which `window.run_id` started has finished, with the inputs it started from.

    When another build began meanwhile, each wrote over tables of the other: neither counts, and the next one does
    everything.
    """
    lake = settings().lake
    started_at, inputs = newest_inputs(GOLD_STARTED, lake, window.run_id)
    if started_at == newest_inputs(GOLD_STARTED, lake)[0]:
        _record(GOLD_BUILT, window, inputs)
        return
    log.warning("another build of gold began before this one ended; the next build computes all customers again")
    _forget_customers(lake)
    _record(GOLD_STARTED, window, inputs)


def forget_build(window: BatchWindow) -> None:
    """Have the next build make every table and compute all customers again: tables of silver or gold were replaced."""
    try:
        _forget_customers(settings().lake)
    except DamagedTableError:
        log.warning("gold.int_gold_progress is damaged: it has to be repaired as well")
    record_gold_started(window)


def _forget_customers(lake: str) -> None:
    progress = Table(gold("int_gold_progress"), lake).delta
    if progress is not None:
        progress.delete()


def _number(digest: str) -> int:
    """The first 60 bits of a hash."""
    return int(digest[:15], 16)


def _record(stage: str, window: BatchWindow, inputs: dict[str, int]) -> None:
    now = datetime.now(UTC)
    rows = [
        {"stage": stage, "input_table": name, "input_version": value, "run_id": window.run_id, "recorded_at": now}
        for name, value in inputs.items()
    ]
    record("progress", rows, settings().lake)
