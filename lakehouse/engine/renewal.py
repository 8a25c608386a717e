"""An engine that has filled up is restarted when nobody uses it."""

from __future__ import annotations

import logging
from pathlib import Path

from lakehouse.config.settings import settings
from lakehouse.engine import control
from lakehouse.engine.state import engine_dir
from lakehouse.utils.file_lock import held_lock
from lakehouse.utils.processes import resident_gb

_log = logging.getLogger(__name__)


def use_lock(home: Path) -> Path:
    """The lock that everybody who uses the engine shares."""
    return engine_dir(home) / "use.lock"


def renew_when_half_full() -> None:
    """Restart an engine that nobody uses and that holds more than half of its memory limit.

    Sail keeps some megabytes of every MERGE. An engine that lives for weeks would reach its limit in the middle of a
    run, and the run would fail. A JVM keeps what it once took, which says nothing, so Spark goes on.
    """
    chosen = settings()
    state = control.ready_state(chosen)
    if state is None or state.kind != "sail" or resident_gb(state.pid) <= state.memory_limit_gb / 2:
        return
    with held_lock(use_lock(chosen.home), wait_seconds=0) as is_unused:
        if is_unused:
            _log.info("the engine holds more than half of its %.1f GB: it is restarted", state.memory_limit_gb)
            control.stop()
            control.start()
