"""One build of all gold in one dbt invocation, skipped when it would change nothing."""

from __future__ import annotations

import logging

from lakehouse.gold import build_gold
from lakehouse.platform.gates import require_checked_and_open
from lakehouse.platform.gold_state import SILVER_TABLES, is_gold_current, record_gold_built, record_gold_started
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)


def build_gold_if_outdated(window: BatchWindow, dag_id: str) -> None:
    """Build gold from silver whose gates are all open.

    Raises what the gates raise (QualityGateFailed, GateNotFinishedError), with gold untouched, and what the build raises.
    """
    require_checked_and_open(list(SILVER_TABLES))
    if is_gold_current(window):
        return
    record_gold_started(window)
    build_gold(window)
    record_gold_built(window)
